/** The two languages of the pages: i18next with each page's texts; the language from the address, else as last chosen, else the browser's. */

import i18next from "i18next";
import LanguageDetector from "i18next-browser-languagedetector";
import { initReactI18next, useTranslation } from "react-i18next";
import type call from "./messages/en/call.json";
import enCommon from "./messages/en/common.json";
import type console from "./messages/en/console.json";
import zhCommon from "./messages/zh/common.json";

export const LANGUAGES = ["zh", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** A page, and the namespace of its texts; `common` holds what all pages say. */
export type PageName = "call" | "console";

/** What each language calls itself, and its tag for the `lang` attribute and for `Intl`. */
export const LANGUAGE_NAMES: Record<Language, { name: string; tag: string }> = {
  zh: { name: "中文", tag: "zh-CN" },
  en: { name: "English", tag: "en" },
};

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: { common: typeof enCommon; call: typeof call; console: typeof console };
  }
}

export function usePageLanguage(): Language {
  return useTranslation().i18n.resolvedLanguage === "zh" ? "zh" : "en";
}

/** The `lang` tag of a text whose language nobody stated: any Han character makes it Chinese. */
export function languageTagOf(text: string): string {
  return LANGUAGE_NAMES[/\p{Script=Han}/u.test(text) ? "zh" : "en"].tag;
}

/** How long `seconds` are, in words: "45 seconds", "2 minutes"; minutes are rounded up. */
export function durationText(seconds: number, language: Language): string {
  const [value, unit] = seconds < 60 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat(LANGUAGE_NAMES[language].tag, style).format(value);
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
