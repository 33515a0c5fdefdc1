/** Which voice and language: what there is, what fits together, and what the browser remembers. Pure, but for the last. */

import type { LanguageInfo, ModelEvent, SessionEvent, VoiceInfo } from "../events.gen";
import type { Fetch } from "./session";

/** What a page may wish of the model; a language of "" lets a polyglot voice follow whoever speaks to it. */
export interface Choice {
  voice: string;
  language: string;
}

/** What can be chosen, and what holds when nothing is. */
export interface Offered extends Choice {
  voices: readonly VoiceInfo[];
  languages: readonly LanguageInfo[];
  /** Whether this page may choose at all. */
  open: boolean;
}

export const nothingOffered: Offered = { voice: "", language: "", voices: [], languages: [], open: false };

export const sameChoice = (one: Choice, other: Choice): boolean => one.voice === other.voice && one.language === other.language;

export function speaks(voice: VoiceInfo, language: string): boolean {
  return voice.polyglot === true || voice.languages.includes(language);
}

/** The voices for a language, those first that were made for it. */
export function voicesFor(offered: Offered, language: string): VoiceInfo[] {
  const fitting = offered.voices.filter((voice) => speaks(voice, language));
  const atHome = (voice: VoiceInfo): boolean => voice.languages.includes(language);
  return [...fitting.filter(atHome), ...fitting.filter((voice) => !atHome(voice))];
}

/** Go to another language: with the same voice when it speaks that, otherwise with the first one made for it. */
export function inLanguage(offered: Offered, { voice }: Choice, language: string): Choice {
  const fitting = voicesFor(offered, language);
  const known = fitting.some(({ name }) => name === voice);
  return { voice: known ? voice : (fitting[0]?.name ?? voice), language };
}

/** Whether the server offers what was chosen some other day. */
export function isOffered(offered: Offered, choice: Choice): boolean {
  const voice = offered.voices.find(({ name }) => name === choice.voice);
  const known = choice.language === "" || offered.languages.some(({ code }) => code === choice.language);
  return voice !== undefined && known && speaks(voice, choice.language);
}

/** What the call itself says that there is to choose from. */
export function offeredIn(session: SessionEvent): Offered {
  return offeredBy({ ...session });
}

/** What holds in a call now. */
export function inForce(session: SessionEvent, model: ModelEvent | null): Choice {
  const { voice, language } = model ?? session;
  return { voice, language: language ?? "" };
}

/** Ask the server what there is to choose from; a server that does not say offers nothing. */
export async function fetchOffered(fetch: Fetch, signal: AbortSignal): Promise<Offered> {
  const response = await fetch("voices", { signal }).catch(() => null);
  const body: unknown = response?.ok ? await response.json().catch(() => null) : null;
  return typeof body === "object" && body !== null ? offeredBy(body) : nothingOffered;
}

function offeredBy({ voice, language, voices, languages, may_change: mayChange }: Partial<SessionEvent>): Offered {
  if (!Array.isArray(voices) || voices.length === 0) return nothingOffered;
  const open = ["voice", "language"].every((setting) => mayChange?.includes(setting));
  return { voice: voice ?? "", language: language ?? "", voices, languages: languages ?? [], open };
}

const STORED_AS = "sonicrtc.voice";

/** What was chosen here before; null when nothing was, or when the browser keeps nothing for pages. */
export function remembered(): Choice | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORED_AS) ?? "null");
    const { voice, language } = (value ?? {}) as Partial<Choice>;
    return typeof voice === "string" && typeof language === "string" ? { voice, language } : null;
  } catch {
    return null;
  }
}

export function remember(choice: Choice): void {
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(choice));
  } catch {
    // the choice then lasts as long as the page
  }
}
