// A wallet for tests: EIP-6963 and EIP-1193 in the page, the key only in the test process.

import { privateKeyToAccount } from 'viem/accounts';

/** The first account of anvil: public, worth nothing. */
export const WALLET_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
export const SECOND_KEY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';

export async function addWallet(page, key = WALLET_KEY, { chain = '0x1' } = {}) {
  const account = privateKeyToAccount(key);
  const wallet = { asked: [], chain, refuse: null };
  await page.exposeFunction('__wallet', async (method, params) => {
    wallet.asked.push({ method, params });
    if (wallet.refuse) return { error: wallet.refuse };
    switch (method) {
      case 'eth_requestAccounts': case 'eth_accounts': return { value: [account.address.toLowerCase()] };
      case 'eth_chainId': return { value: wallet.chain };
      case 'wallet_switchEthereumChain': wallet.chain = params[0].chainId; return { value: null };
      case 'personal_sign': return { value: await account.signMessage({ message: { raw: params[0] } }) };
      case 'eth_signTypedData_v4': { const { types: { EIP712Domain: _, ...types }, ...data } = JSON.parse(params[1]); return { value: await account.signTypedData({ ...data, types, domain: { ...data.domain, chainId: Number(data.domain.chainId) } }) }; }
      default: return { error: { code: 4200, message: `${method} is not known` } };
    }
  });
  await page.addInitScript(() => {
    const provider = { request: async ({ method, params }) => { const { value, error } = await window.__wallet(method, params ?? []); if (error) throw Object.assign(new Error(error.message), error); return value; } };
    const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info: { uuid: '350670db-19fa-4704-a166-e52e178b59d2', name: 'Test wallet', icon: 'data:,', rdns: 'test.wallet' }, provider }) }));
    window.addEventListener('eip6963:requestProvider', announce);
    announce();
  });
  return Object.assign(wallet, { address: account.address });
}

/** By wallet; by token where CONSOLE_TOKEN names one, as for a console that only reads a record. */
export async function signIn(page, base, to = '/') {
  if (process.env.CONSOLE_TOKEN) {
    await page.goto(`${base}/sign-in#token=${process.env.CONSOLE_TOKEN}`);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    return;
  }
  await page.goto(`${base}/sign-in?to=${encodeURIComponent(to)}`);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Sign with the wallet' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}
