/** Clients of the collector's API, for whoever the profile says. */
import { existsSync, readFileSync } from "node:fs";
import {
  type ChannelCredentials,
  type ClientOptions,
  credentials,
  InterceptingCall,
  type Interceptor,
} from "@grpc/grpc-js";
import { readSecretFile } from "@hosttrail/lib/files";
import { connectionFailure } from "@hosttrail/lib/tls";
import { AccessServiceClient } from "@hosttrail/proto/access";
import { AlertServiceClient } from "@hosttrail/proto/alert";
import { AnalysisServiceClient } from "@hosttrail/proto/analysis";
import { CostServiceClient } from "@hosttrail/proto/cost";
import { CoverageServiceClient } from "@hosttrail/proto/coverage";
import { DeadBlockServiceClient } from "@hosttrail/proto/deadblock";
import { LedgerServiceClient } from "@hosttrail/proto/ledger";
import { NotifyServiceClient } from "@hosttrail/proto/notify";
import { QueryServiceClient } from "@hosttrail/proto/query";
import { RetentionServiceClient } from "@hosttrail/proto/retention";
import { RuleServiceClient } from "@hosttrail/proto/rule";
import { VerifyServiceClient } from "@hosttrail/proto/verify";
import { accessToken } from "./login.ts";
import type { Profile } from "./profile.ts";

export interface Clients {
  query: QueryServiceClient;
  analysis: AnalysisServiceClient;
  access: AccessServiceClient;
  alerts: AlertServiceClient;
  cost: CostServiceClient;
  coverage: CoverageServiceClient;
  deadBlocks: DeadBlockServiceClient;
  ledger: LedgerServiceClient;
  notify: NotifyServiceClient;
  rules: RuleServiceClient;
  retention: RetentionServiceClient;
  verify: VerifyServiceClient;
  close(): void;
}

/** Clients of the API; throws where the profile's files cannot be used. */
export function openClients(profile: Profile): Clients {
  const channel = channelOf(profile);
  const options: ClientOptions = {
    "grpc.max_receive_message_length": 256 * 1024 * 1024,
    // No TXT record of the collector's name may configure us.
    "grpc.service_config_disable_resolution": 1,
    interceptors: bearerOf(profile),
  };
  const query = new QueryServiceClient(profile.endpoint, channel, options);
  const analysis = new AnalysisServiceClient(profile.endpoint, channel, options);
  const access = new AccessServiceClient(profile.endpoint, channel, options);
  const alerts = new AlertServiceClient(profile.endpoint, channel, options);
  const cost = new CostServiceClient(profile.endpoint, channel, options);
  const coverage = new CoverageServiceClient(profile.endpoint, channel, options);
  const deadBlocks = new DeadBlockServiceClient(profile.endpoint, channel, options);
  const ledger = new LedgerServiceClient(profile.endpoint, channel, options);
  const notify = new NotifyServiceClient(profile.endpoint, channel, options);
  const rules = new RuleServiceClient(profile.endpoint, channel, options);
  const retention = new RetentionServiceClient(profile.endpoint, channel, options);
  const verify = new VerifyServiceClient(profile.endpoint, channel, options);
  return {
    query,
    analysis,
    access,
    alerts,
    cost,
    coverage,
    deadBlocks,
    ledger,
    notify,
    rules,
    retention,
    verify,
    close() {
      query.close();
      analysis.close();
      access.close();
      alerts.close();
      cost.close();
      coverage.close();
      deadBlocks.close();
      ledger.close();
      notify.close();
      rules.close();
      retention.close();
      verify.close();
    },
  };
}

function channelOf({ caFile, keyFile, certificateFile }: Profile): ChannelCredentials {
  const ca = readFileSync(caFile);
  if (certificateFile === "") return credentials.createSsl(ca);
  return credentials.createSsl(ca, Buffer.from(readSecretFile(keyFile)), readFileSync(certificateFile));
}

/** Puts the token into each call's headers, where there is one; never without TLS, as there is no other channel. */
function bearerOf(profile: Profile): Interceptor[] {
  const { tokenFile, sessionFile, oidc } = profile;
  if (tokenFile === "" && (oidc.issuer === "" || !existsSync(sessionFile))) return [];
  return [
    (options, nextCall) =>
      new InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          const token = tokenFile === "" ? accessToken(profile) : Promise.resolve(readSecretFile(tokenFile).trim());
          token.then(
            (text) => {
              metadata.set("authorization", `Bearer ${text}`);
              next(metadata, listener);
            },
            (error: unknown) => {
              process.stderr.write(`hosttrail: ${error instanceof Error ? error.message : String(error)}\n`);
              process.exit(1);
            },
          );
        },
      }),
  ];
}

/** A failed call as an error whose message is for people: what the collector answered, or why it could not be asked. */
export function explainFailure(error: unknown, { endpoint, certificateFile }: Profile): unknown {
  if (!(error instanceof Error && "details" in error)) return error;
  const details = String(error.details);
  const failure = connectionFailure(details, certificateFile === "" ? "" : readFileSync(certificateFile, "utf8"));
  return new Error(failure === details ? details : `${endpoint}: ${failure}`, { cause: error });
}
