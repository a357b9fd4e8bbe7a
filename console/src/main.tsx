/** Starts the console in the page. */
import { render } from "preact";
import { askSession } from "./api/index.ts";
import { followPlaces } from "./route/index.ts";
import { applyTheme, Console } from "./shell/index.ts";

applyTheme();
followPlaces();
void askSession();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
