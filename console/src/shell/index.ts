/** The frame around pages. */
export { Console } from "./console.tsx";
export { applyTheme } from "./theme.ts";
