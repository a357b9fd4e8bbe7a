/** What can be done with alerts, wherever they are shown. */
export { CloseDialog } from "./closedialog.tsx";
export { stateBadge } from "./state.tsx";
