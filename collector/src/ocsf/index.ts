/** Our events and alerts in the terms of the Open Cybersecurity Schema Framework. */
export { ocsfEvent } from "./event.ts";
export { deviceOf, endpointOf, fileOf, OCSF_VERSION, processOf } from "./objects.ts";
