/** What the agent needs of an identity, wherever it comes from. */

/** What TLS needs, PEM. */
export interface TlsCredentials {
  ca: string;
  certificate: string;
  key: string;
}

export interface Identity {
  hostId: string;
  /** The private key that signs blocks, PEM. */
  key: string;
  /** A certificate that is valid now; gets one first where there is none. Throws where there is none to be had. */
  credentials(): Promise<TlsCredentials>;
  /** The collector's authorities have changed. */
  trust(pem: string): void;
  /** The collector says that another machine has this identity: the next start makes a new one. */
  renounce(): void;
  /** When the certificate ends; undefined where there is none yet. */
  expireTime(): string | undefined;
  close(): void;
}
