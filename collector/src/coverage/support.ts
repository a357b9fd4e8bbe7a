/** On which machines an agent can run. */
import type { CloudInstance, CoverageReason } from "../model/index.ts";

/** As EC2 calls those of our packages. Source: Amazon EC2 API Reference, "Instance", architecture. */
const ARCHITECTURES: readonly string[] = ["x86_64", "arm64"];
/**
 * Names of the publishers' own images of systems that have a C library older than 2.28, which Node needs: Amazon Linux 1 and 2, CentOS and RHEL
 * up to 7, Ubuntu up to 18.04, Debian up to 9, SLES up to 12.
 */
const OLD_IMAGES: readonly RegExp[] = [
  /^amzn-ami-/,
  /^amzn2-ami-/,
  /^CentOS (?:Linux )?[5-7]\b/i,
  /^RHEL-[5-7]\./,
  /^ubuntu\/images(?:-[a-z]+)?\/(?:[a-z0-9-]+\/)?ubuntu-(?:lucid|precise|trusty|xenial|bionic)-/,
  /^debian-(?:wheezy|jessie|stretch)-/,
  /^suse-sles-1[12](?:-|$)/,
];

/** Why there is no agent for a machine; undefined where there may be one. */
export function unsupportedBy(
  { platform, architecture }: Pick<CloudInstance, "platform" | "architecture">,
  imageName: string,
): CoverageReason | undefined {
  if (/windows/i.test(platform)) return "windows";
  if (architecture !== "" && !ARCHITECTURES.includes(architecture)) return "architecture";
  return OLD_IMAGES.some((pattern) => pattern.test(imageName)) ? "system-too-old" : undefined;
}
