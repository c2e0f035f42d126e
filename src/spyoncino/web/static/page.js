// The page: every element registers itself, then the news begin.

import { news } from "./api.js";
import "./camera-wall.js";
import "./event-list.js";
import "./event-viewer.js";
import "./mode-choice.js";
import "./page-announcer.js";
import "./page-notices.js";
import "./push-button.js";
import "./system-state.js";

news.begin();
