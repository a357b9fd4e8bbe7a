/**
 * AWS, by its own SDK: accounts of an organisation, their regions and their machines. All questions read. Sources: AWS Organizations API
 * Reference (ListAccounts), Amazon EC2 API Reference (DescribeRegions, DescribeInstances, DescribeImages), AWS STS API Reference.
 */
import { DescribeRegionsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { OrganizationsClient, paginateListAccounts } from "@aws-sdk/client-organizations";
import type { CloudAccount, CloudCalls, CloudInstance } from "../model/index.ts";
import { CallCounter } from "./calls.ts";
import { toCloudError } from "./failure.ts";
import { imageNames, listInstances } from "./instances.ts";
import { ASKING, type Credentials, type SessionOptions, Sessions } from "./session.ts";

const NAME_LENGTH_MAX = 64;

/** For one look: what it knows of accounts is asked anew for the next one. */
export class Aws {
  readonly #homeRegion: string;
  readonly #calls = new CallCounter();
  readonly #sessions: Sessions;
  readonly #credentials = new Map<string, Promise<Credentials>>();

  constructor(options: SessionOptions) {
    this.#homeRegion = options.homeRegion;
    this.#sessions = new Sessions(options, this.#calls);
  }

  /** What was asked so far. */
  get calls(): CloudCalls[] {
    return this.#calls.calls;
  }

  /** The collector's own account. Throws a CloudError where it has no credentials. */
  async own(signal: AbortSignal): Promise<string> {
    return (await this.#sessions.own(signal)).account;
  }

  /** Active accounts of the organisation. Throws a CloudError. */
  async accounts(signal: AbortSignal): Promise<CloudAccount[]> {
    const client = new OrganizationsClient({ ...ASKING, region: this.#homeRegion });
    this.#calls.watch(client);
    const found: CloudAccount[] = [];
    try {
      for await (const { Accounts = [] } of paginateListAccounts({ client }, {}, { abortSignal: signal }))
        for (const { Id = "", Name = "", State, Status } of Accounts)
          if ((State ?? Status) === "ACTIVE" && Id !== "")
            found.push({ account: Id, name: Name.slice(0, NAME_LENGTH_MAX) });
    } catch (error) {
      throw toCloudError("ListAccounts", error);
    } finally {
      client.destroy();
    }
    return found;
  }

  /** Regions that an account has enabled. Throws a CloudError. */
  async regions(account: string, signal: AbortSignal): Promise<string[]> {
    return await this.#ask(account, this.#homeRegion, signal, async (client) => {
      try {
        const { Regions = [] } = await client.send(new DescribeRegionsCommand({}), { abortSignal: signal });
        return Regions.flatMap(({ RegionName }) => (RegionName === undefined ? [] : [RegionName])).sort();
      } catch (error) {
        throw toCloudError("DescribeRegions", error);
      }
    });
  }

  /** Tells of the machines of a region, a page at a time. Throws a CloudError, also after some pages. */
  async instances(
    account: string,
    region: string,
    signal: AbortSignal,
    take: (page: CloudInstance[]) => void,
  ): Promise<void> {
    await this.#ask(account, region, signal, async (client) => {
      for await (const page of listInstances(client, account, region, signal)) take(page);
    });
  }

  /** Names of images, of those that can be seen. Throws a CloudError. */
  async imageNames(
    account: string,
    region: string,
    imageIds: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, string>> {
    return await this.#ask(account, region, signal, (client) => imageNames(client, imageIds, signal));
  }

  close(): void {
    this.#sessions.close();
  }

  async #ask<Answer>(
    account: string,
    region: string,
    signal: AbortSignal,
    ask: (client: EC2Client) => Promise<Answer>,
  ): Promise<Answer> {
    const credentials = await this.#credentialsOf(account, signal);
    const client = new EC2Client({ ...ASKING, region, ...(credentials === undefined ? {} : { credentials }) });
    this.#calls.watch(client);
    try {
      return await ask(client);
    } finally {
      client.destroy();
    }
  }

  /** A role is assumed once for all regions of its account. */
  #credentialsOf(account: string, signal: AbortSignal): Promise<Credentials> {
    let asked = this.#credentials.get(account);
    if (asked === undefined) {
      asked = this.#sessions.of(account, signal);
      this.#credentials.set(account, asked);
    }
    return asked;
  }
}
