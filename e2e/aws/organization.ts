/** An organisation of the stand-in: accounts, and machines in them, made by AWS's own clients. */
import {
  EC2Client,
  type Instance,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateAccountCommand, CreateOrganizationCommand, OrganizationsClient } from "@aws-sdk/client-organizations";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";

/** Nobody's: the stand-in takes any. */
const OWN = { accessKeyId: "testing", secretAccessKey: "testing" };
const HOME = "us-east-1";
/** The account that the stand-in gives whoever it does not know. */
export const OWN_ACCOUNT = "123456789012";
/** Of a system for which there is an agent. */
const IMAGE = "ami-ekslinux";
/** Machines that one question launches. */
const LAUNCHED_TOGETHER = 20;

export interface Launch {
  account: string;
  region: string;
  count: number;
  tags?: Readonly<Record<string, string>>;
  imageId?: string;
}

export class Organization {
  readonly #endpoint: string;
  readonly #credentials = new Map<string, Promise<typeof OWN>>();

  /** Past the proxy, so that nothing of it is counted. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** Makes the organisation with accounts of these names beside its own; gives their ids. */
  async create(names: readonly string[]): Promise<string[]> {
    const client = new OrganizationsClient({ endpoint: this.#endpoint, region: HOME, credentials: OWN });
    await client.send(new CreateOrganizationCommand({ FeatureSet: "ALL" }));
    const ids: string[] = [];
    for (const AccountName of names) {
      const email = `${AccountName}@example.org`;
      const { CreateAccountStatus } = await client.send(new CreateAccountCommand({ AccountName, Email: email }));
      ids.push(CreateAccountStatus?.AccountId ?? "");
    }
    client.destroy();
    return ids;
  }

  async launch({ account, region, count, tags = {}, imageId = IMAGE }: Launch): Promise<string[]> {
    const client = await this.#ec2(account, region);
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const ids: string[] = [];
    while (ids.length < count) {
      const MinCount = Math.min(LAUNCHED_TOGETHER, count - ids.length);
      const { Instances = [] } = await client.send(
        new RunInstancesCommand({
          ImageId: imageId,
          InstanceType: "t3.micro",
          MinCount,
          MaxCount: MinCount,
          ...(Tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType: "instance", Tags }] }),
        }),
      );
      ids.push(...Instances.map(({ InstanceId = "" }: Instance) => InstanceId));
    }
    client.destroy();
    return ids;
  }

  async stop(account: string, region: string, InstanceIds: string[]): Promise<void> {
    await (await this.#ec2(account, region)).send(new StopInstancesCommand({ InstanceIds }));
  }

  async terminate(account: string, region: string, InstanceIds: string[]): Promise<void> {
    await (await this.#ec2(account, region)).send(new TerminateInstancesCommand({ InstanceIds }));
  }

  async #ec2(account: string, region: string): Promise<EC2Client> {
    return new EC2Client({ endpoint: this.#endpoint, region, credentials: await this.#of(account) });
  }

  #of(account: string): Promise<typeof OWN> {
    let credentials = this.#credentials.get(account);
    if (credentials === undefined) {
      credentials = account === OWN_ACCOUNT ? Promise.resolve(OWN) : this.#assume(account);
      this.#credentials.set(account, credentials);
    }
    return credentials;
  }

  async #assume(account: string): Promise<typeof OWN> {
    const client = new STSClient({ endpoint: this.#endpoint, region: HOME, credentials: OWN });
    const RoleArn = `arn:aws:iam::${account}:role/launcher`;
    const { Credentials } = await client.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
    client.destroy();
    return {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    } as typeof OWN;
  }
}
