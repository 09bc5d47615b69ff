// Countersign's gateway as NanoClaw's gateway provider: copy to src/gateway-providers/countersign.ts
// and import it in installed.ts. docs/nanoclaw.md says the rest. The contract is NanoClaw's
// docs/gateway-seam.md (github.com/nanocoai/nanoclaw, September 2026).
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';

import { readEnvFile } from '../env.js';
import { registerGatewayProvider } from './gateway-provider-registry.js';

const NAMES = ['PROXY', 'PREFIX', 'AGENTS_KEY', 'CA', 'CONTAINER', 'PLACEHOLDERS'].map((name) => `COUNTERSIGN_${name}`);
const CA = '/run/countersign-ca.pem';
const TRUST = [
  'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS', 'GIT_SSL_CAINFO', 'PIP_CERT',
  'UV_SSL_CERT_FILE', 'npm_config_cafile', 'AWS_CA_BUNDLE', 'HTTPLIB2_CA_CERTS', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
  'CARGO_HTTP_CAINFO', 'DENO_CERT', 'CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE',
];

registerGatewayProvider({
  kind: 'countersign',
  agentSkills: [],
  sessions: {
    async ensure(input) {
      const set = { ...readEnvFile(NAMES), ...process.env };
      const { COUNTERSIGN_PROXY: proxy = 'host.docker.internal:8081', COUNTERSIGN_CONTAINER: container } = set;
      const key = set.COUNTERSIGN_AGENTS_KEY ?? '';
      const agent = `${set.COUNTERSIGN_PREFIX ?? 'nanoclaw-'}${input.key.agentGroupId}`;
      if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/.test(agent)) throw new Error(`${agent} is no name for an agent`);
      if (key.length < 32) throw new Error('COUNTERSIGN_AGENTS_KEY is the key of `derived` in gateway.yaml');
      if (!set.COUNTERSIGN_CA) throw new Error('COUNTERSIGN_CA is the file with `countersign gateway ca`');
      const message = `s19:countersign/agent/1s${Buffer.byteLength(agent)}:${agent}`;
      const password = createHmac('sha256', key).update(message).digest('hex').slice(0, 40);
      const login = `http://${encodeURIComponent(agent)}:${password}@${proxy}`;
      const env = Object.fromEntries([
        ...['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => [name, login]),
        ...['NO_PROXY', 'no_proxy'].map((name) => [name, 'localhost,127.0.0.1,::1']),
        ...TRUST.map((name) => [name, CA]),
        ['NODE_USE_ENV_PROXY', '1'],
      ]);
      // VARIABLE=SECRET pairs: the agent gets a placeholder that only this gateway can fill.
      for (const pair of (set.COUNTERSIGN_PLACEHOLDERS ?? '').split(/\s+/).filter(Boolean)) {
        const [variable, secret] = pair.split('=');
        const asked = ['secret', 'placeholder', secret, '--agent', agent, '--json'];
        const said = await promisify(execFile)('countersign', asked, { timeout: 60_000 });
        env[variable] = JSON.parse(said.stdout).placeholder;
      }
      return {
        contribution: {
          env,
          mounts: [{ class: 'gateway-trust', hostPath: set.COUNTERSIGN_CA, containerPath: CA, mode: 'ro', groupScope: input.key.agentGroupId }],
          networkAccess: {
            endpoint: proxy.replace(/:\d+$/, ''),
            target: container ? { kind: 'runtime', identity: container } : { kind: 'host' },
          },
        },
      };
    },
  },
  // People are asked by Countersign. NanoClaw closes its sessions when this ends, so it does not.
  approvals: {
    async subscribe(_decide, signal) {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  },
});
