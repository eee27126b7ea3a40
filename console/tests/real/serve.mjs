// Plays a drill, leaves its console open and signs ada, who commands, in. Writes where and as whom as JSON into FILE, for
// programs that play against the API; ends when its input does.
//   node serve.mjs FILE
import { writeFileSync } from 'node:fs';
import { privateKeyToAccount } from 'viem/accounts';
import { startDrill } from './drill.mjs';

const [file] = process.argv.slice(2);
if (!file) throw new Error('usage: node serve.mjs FILE');
const drill = await startDrill();
try {
  const post = async (path, body) => {
    const answer = await fetch(`${drill.url}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', origin: drill.url }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return { cookie: answer.headers.getSetCookie()[0]?.split(';')[0]?.split('=')[1], said: await answer.json() };
  };
  const { said: asked } = await post('session/nonce', {});
  const account = privateKeyToAccount(drill.people.ada.key);
  const message = [
    `${asked.domain} wants you to sign in with your Ethereum account:`, account.address, '', asked.statement, '', `URI: ${asked.uri}`, 'Version: 1', `Chain ID: ${asked.chainId}`,
    `Nonce: ${asked.nonce}`, `Issued At: ${asked.issuedAt ?? new Date().toISOString()}`, `Expiration Time: ${new Date(asked.expiresAt).toISOString()}`,
  ].join('\n');
  const { cookie, said: session } = await post('session', { message, signature: await account.signMessage({ message }) });
  writeFileSync(file, JSON.stringify({ url: drill.url, caseId: drill.caseId, journal: drill.journal, token: drill.token, cookie, csrf: session.csrf }));
  await new Promise((resolve) => process.stdin.on('close', resolve).resume());
} finally {
  await drill.end();
}
