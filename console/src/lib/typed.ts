// What a person is about to sign, in plain words taken from the typed data itself: never from a sentence beside it, which
// could say something else.

import type { TypedData } from '../api/types';

export interface Meaning {
  /** What signing it means; none if it is not of a kind that the console knows. */
  sentence: string | null;
  fields: { name: string; value: string }[];
  chain: string | null;
  deadline: number | null;
  /** Reasons not to sign. */
  doubts: string[];
}

const KNOWN_DOMAIN = { name: 'Portcullis', version: '1' };
const asText = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : JSON.stringify(value) ?? String(value));

/** Agreeing to a step of a playbook that leads to a lever: `StepApproval`, another type than what guardians sign. */
function stepSentence(message: Record<string, unknown>, chain: string | null): string | null {
  const { protocol, playbook, step, lever } = message;
  if (![protocol, playbook, step, lever].every((part) => typeof part === 'string' && part !== '')) return null;
  const levers = (lever as string).split(',');
  const named = levers.map((one) => `“${one}”`).join(' and ');
  return `You agree to the step “${step as string}” of the playbook “${playbook as string}”: ${levers.length === 1 ? 'the lever' : 'the levers'} ${named} of ${protocol as string}${chain ? ` on chain ${chain}` : ''} may then be pulled, or ${levers.length === 1 ? 'stays' : 'stay'} pulled.`;
}

function sentence(type: string, message: Record<string, unknown>, chain: string | null): string | null {
  if (type === 'StepApproval') return stepSentence(message, chain);
  if (type !== 'Approval') return null;
  const { action, protocol, lever } = message;
  if (![action, protocol, lever].every((part) => typeof part === 'string')) return null;
  const where = `“${lever as string}” of ${protocol as string}${chain ? ` on chain ${chain}` : ''}`;
  switch (action) {
    case 'pull': return `You agree that the lever ${where} is pulled. Once enough have signed, the program sends it at once.`;
    case 'ratify': return `You agree that the lever ${where}, which is pulled already, stays pulled to the end of its time.`;
    case 'resume': return `You agree that the program may pull levers like ${where} again without asking first.`;
    case 'release': return `You agree that the lever ${where} is let go. What it stopped will work again, for everybody.`;
    default: return null;
  }
}

/** `expected` is what the page says it is about; anything that differs is a doubt. */
export function meaning(data: TypedData, expected: Record<string, string> = {}): Meaning {
  const declared = data.types[data.primaryType] ?? [];
  const chain = data.domain['chainId'] === undefined ? null : asText(data.domain['chainId']);
  const doubts: string[] = [];
  for (const [name, value] of Object.entries(KNOWN_DOMAIN)) {
    if (data.domain[name] !== value) doubts.push(`its domain ${name} is “${asText(data.domain[name])}”, not “${value}”`);
  }
  for (const [name, value] of Object.entries(expected)) {
    if (data.message[name] !== undefined && asText(data.message[name]) !== value) doubts.push(`it says ${name} “${asText(data.message[name])}”, this page says “${value}”`);
  }
  for (const name of Object.keys(data.message)) {
    if (!declared.some((field) => field.name === name)) doubts.push(`“${name}” is shown but would not be signed`);
  }
  const text = sentence(data.primaryType, data.message, chain);
  if (!text) doubts.push('it is of a kind that this console cannot put into words');
  const deadline = data.message['deadline'];
  return {
    sentence: text,
    fields: declared.map(({ name }) => ({ name, value: asText(data.message[name]) })),
    chain,
    deadline: deadline === undefined ? null : Number(asText(deadline)) * 1_000,
    doubts,
  };
}

/** The three hashes that a hardware wallet may show instead of words, computed here and not taken from the program. */
export async function hashes(data: TypedData): Promise<{ domain: string; message: string; signed: string }> {
  const { hashStruct, hashTypedData } = await import('viem/utils');
  // viem's types want literal schemas; this one comes from outside and is checked by its encoder.
  const struct = hashStruct as (of: { data: unknown; primaryType: string; types: unknown }) => string;
  const whole = hashTypedData as unknown as (of: TypedData) => string;
  return {
    domain: struct({ data: data.domain, primaryType: 'EIP712Domain', types: data.types }),
    message: struct({ data: data.message, primaryType: data.primaryType, types: data.types }),
    signed: whole(data),
  };
}
