/** Starts the console in the page. */
import { render } from "preact";
import { askSession, watchPerson } from "./api/index.ts";
import { followPlaces } from "./route/index.ts";
import { applyTheme, Console } from "./shell/index.ts";

applyTheme();
followPlaces();
watchPerson();
void askSession();
const root = document.getElementById("console");
if (root !== null) render(<Console />, root);
