// A small bell, drawn in the colour of the text around it; what it means is written beside it.

const SVG = "http://www.w3.org/2000/svg";
const SHAPE =
  "M8 1a1.3 1.3 0 0 0-1.3 1.4A4.6 4.6 0 0 0 3.5 6.8c0 3-.7 3.9-1.6 4.8-.4.4-.1 1.1.5 1.1h11.2c.6 0 .9-.7.5-1.1" +
  "-.9-.9-1.6-1.8-1.6-4.8a4.6 4.6 0 0 0-3.2-4.4A1.3 1.3 0 0 0 8 1Zm-1.8 12.7a1.9 1.9 0 0 0 3.6 0Z";

export function bell() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPE);
  svg.append(path);
  return svg;
}
