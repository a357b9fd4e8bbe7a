/** Put in by whoever makes a package. */
declare const HOSTTRAIL_VERSION: string | undefined;
/** Version of this collector, as it tells agents and logs. */
export const COLLECTOR_VERSION: string = typeof HOSTTRAIL_VERSION === "undefined" ? "0.1.0" : HOSTTRAIL_VERSION;
