/** Names in certificates. */

export function hostUri(hostId: string): string {
  return `spiffe://hosttrail/host/${hostId}`;
}

export function userUri(name: string): string {
  return `spiffe://hosttrail/user/${name}`;
}
