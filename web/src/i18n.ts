/** The two languages of the pages: i18next with each page's texts; the language from the address, else as last chosen, else the browser's. */

import i18next from "i18next";
import LanguageDetector from "i18next-browser-languagedetector";
import { initReactI18next, useTranslation } from "react-i18next";
import type call from "./messages/en/call.json";
import enCommon from "./messages/en/common.json";
import type console from "./messages/en/console.json";
import type join from "./messages/en/join.json";
import zhCommon from "./messages/zh/common.json";

export const LANGUAGES = ["zh", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** A page, and the namespace of its texts; `common` holds what several pages say. */
export type PageName = "call" | "console" | "join";

/** What each language calls itself, and its tag for the `lang` attribute and for `Intl`. */
export const LANGUAGE_NAMES: Record<Language, { name: string; tag: string }> = {
  zh: { name: "中文", tag: "zh-CN" },
  en: { name: "English", tag: "en" },
};

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: { common: typeof enCommon; call: typeof call; console: typeof console; join: typeof join };
  }
}

export function usePageLanguage(): Language {
  return useTranslation().i18n.resolvedLanguage === "zh" ? "zh" : "en";
}

/** The `lang` tag of a text whose language nobody stated: any Han character makes it Chinese. */
export function languageTagOf(text: string): string {
  return LANGUAGE_NAMES[/\p{Script=Han}/u.test(text) ? "zh" : "en"].tag;
}

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

/** How long `seconds` are, in words: "45 seconds", "2 minutes"; rounded up to what a person would say. */
export function durationText(seconds: number, language: Language): string {
  const [unit, length] =
    seconds < MINUTE_S
      ? (["second", 1] as const)
      : seconds <= 2 * HOUR_S
        ? (["minute", MINUTE_S] as const)
        : seconds <= 2 * DAY_S
          ? (["hour", HOUR_S] as const)
          : (["day", DAY_S] as const);
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  const value = Math.ceil(seconds / length);
  return new Intl.NumberFormat(LANGUAGE_NAMES[language].tag, style).format(value);
}

/** A time of day, with its day where that is not the day of `now`. */
export function timeText(at: Date, now: Date, language: Language): string {
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const sameDay = at.toDateString() === now.toDateString();
  const day = sameDay ? {} : ({ month: "short", day: "numeric" } as const);
  return new Intl.DateTimeFormat(LANGUAGE_NAMES[language].tag, { ...day, ...time }).format(at);
}

/** A day, with its year where that is not this one. */
export function dayText(at: Date, language: Language): string {
  const thisYear = at.getFullYear() === new Date().getFullYear();
  const year = thisYear ? {} : ({ year: "numeric" } as const);
  const style = { ...year, month: "short", day: "numeric" } as const;
  return new Intl.DateTimeFormat(LANGUAGE_NAMES[language].tag, style).format(at);
}

export async function startI18n(page: PageName, texts: Record<Language, object>): Promise<void> {
  const label = () => {
    document.documentElement.lang =
      LANGUAGE_NAMES[i18next.resolvedLanguage === "zh" ? "zh" : "en"].tag;
    document.title = i18next.t("page.title", { ns: page });
  };
  i18next.on("languageChanged", label);
  await i18next
    .use(LanguageDetector)
    .use(initReactI18next)
    .init({
      resources: {
        zh: { common: zhCommon, [page]: texts.zh },
        en: { common: enCommon, [page]: texts.en },
      },
      defaultNS: "common",
      fallbackLng: "en",
      supportedLngs: LANGUAGES,
      load: "languageOnly",
      interpolation: { escapeValue: false },
      detection: {
        order: ["querystring", "localStorage", "navigator"],
        caches: ["localStorage"],
        lookupQuerystring: "language",
        lookupLocalStorage: "liuke.language",
      },
    });
  label();
}
