/** Places and links: the address is the whole view. */
export { matchRoute, type PageProps, type Route } from "./match.ts";
export { followPlaces, go, linkTo, place, setQuery, visits } from "./place.ts";
