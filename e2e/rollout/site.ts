/** A fleet's hosts, booted, with a collector in their reach and a token for them. */
import type { Stack } from "@hosttrail/stack";
import { openStack } from "../environment.ts";
import { CONTROLLER_NAME, TestHosts } from "./hosts.ts";
import type { Kind } from "./kind.ts";
import { sharedFolders } from "./modules.ts";

export interface Site extends AsyncDisposable {
  hosts: TestHosts;
  stack: Stack;
  token: string;
}

export async function openSite(names: readonly string[], kind?: Kind): Promise<Site> {
  const hosts = await TestHosts.boot(names, { shared: sharedFolders(), ...(kind === undefined ? {} : { kind }) });
  let stack: (Stack & AsyncDisposable) | undefined;
  const close = async (): Promise<void> => {
    await hosts.stop();
    await stack?.[Symbol.asyncDispose]();
  };
  try {
    stack = await openStack({ address: CONTROLLER_NAME });
    await stack.startServices();
    await stack.startCollector();
    const token = stack.hosttrail("token", "create", "--hosts", "1000", "--ttl", "2h").trim();
    return { hosts, stack, token, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
