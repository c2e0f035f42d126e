// All cameras, in the order of the configuration.

import { news } from "./api.js";
import { make } from "./dom.js";
import "./camera-tile.js";

export class CameraWall extends HTMLElement {
  connectedCallback() {
    /** @type {Map<string, any>} */
    this.tiles = new Map();
    news.on("hello", (hello) => this.showAll(hello.cameras));
    news.on("camera", ({ camera }) => this.tiles.get(camera.camera)?.show(camera));
  }

  /** @param {any[]} cameras */
  showAll(cameras) {
    for (const [name, tile] of this.tiles) {
      if (!cameras.some((camera) => camera.camera === name)) {
        tile.remove();
        this.tiles.delete(name);
      }
    }
    for (const camera of cameras) {
      let tile = this.tiles.get(camera.camera);
      if (!tile) {
        tile = make("camera-tile");
        this.tiles.set(camera.camera, tile);
        this.append(tile);
      }
      tile.show(camera);
    }
  }
}

customElements.define("camera-wall", CameraWall);
