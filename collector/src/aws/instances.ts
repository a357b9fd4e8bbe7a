/** Machines of one account and region, as AWS tells of them. */
import { DescribeImagesCommand, EC2Client, type Instance, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import type { CloudInstance } from "../model/index.ts";
import { toCloudError } from "./failure.ts";

/** Machines that AWS is asked for at once; it gives 1,000 at most. */
const PAGE_SIZE = 500;
/** Images that are asked for at once. */
const IMAGES_TOGETHER = 200;
/** As many as AWS allows. */
const TAGS_MAX = 50;
const TAG_KEY_LENGTH_MAX = 128;
const TEXT_LENGTH_MAX = 256;

/** Pages of machines, those that ended a while ago included. Throws a CloudError. */
export async function* listInstances(
  client: EC2Client,
  account: string,
  region: string,
  signal: AbortSignal,
): AsyncGenerator<CloudInstance[]> {
  try {
    for await (const { Reservations = [] } of paginateDescribeInstances(
      { client, pageSize: PAGE_SIZE },
      {},
      { abortSignal: signal },
    ))
      yield Reservations.flatMap(({ Instances = [] }) => Instances).flatMap((each) =>
        toInstance(account, region, each),
      );
  } catch (error) {
    throw toCloudError("DescribeInstances", error);
  }
}

/** Names of images, of those that are there still and that this account may see. Throws a CloudError. */
export async function imageNames(
  client: EC2Client,
  imageIds: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  try {
    for (let at = 0; at < imageIds.length; at += IMAGES_TOGETHER) {
      // By a filter, since an id that is not there any more would be an error of all.
      const Filters = [{ Name: "image-id", Values: imageIds.slice(at, at + IMAGES_TOGETHER) }];
      const { Images = [] } = await client.send(new DescribeImagesCommand({ Filters, IncludeDeprecated: true }), {
        abortSignal: signal,
      });
      for (const { ImageId = "", Name = "" } of Images) found.set(ImageId, cut(Name));
    }
  } catch (error) {
    throw toCloudError("DescribeImages", error);
  }
  return found;
}

function toInstance(account: string, region: string, instance: Instance): CloudInstance[] {
  const { InstanceId = "", Tags = [], State, PlatformDetails, Platform, Architecture = "", ImageId = "" } = instance;
  if (InstanceId === "") return [];
  const tags = Object.fromEntries(
    Tags.slice(0, TAGS_MAX).map(({ Key = "", Value = "" }) => [Key.slice(0, TAG_KEY_LENGTH_MAX), cut(Value)]),
  );
  return [
    {
      account,
      region,
      instanceId: cut(InstanceId),
      name: tags["Name"] ?? "",
      tags,
      platform: cut(PlatformDetails ?? Platform ?? ""),
      architecture: cut(Architecture),
      imageId: cut(ImageId),
      launchMs: instance.LaunchTime?.getTime() ?? 0,
      power: powerOf(State?.Name ?? ""),
    },
  ];
}

/** Of one that is stopping nothing can be asked any more, and one that is pending is about to run. */
function powerOf(state: string): CloudInstance["power"] {
  if (state === "terminated" || state === "shutting-down") return "ended";
  return state === "stopped" || state === "stopping" ? "stopped" : "running";
}

function cut(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}
