/** The two languages of the page: i18next with both message files, first guess from the browser. */

import i18next from "i18next";
import LanguageDetector from "i18next-browser-languagedetector";
import { initReactI18next, useTranslation } from "react-i18next";
import en from "./messages/en.json";
import zh from "./messages/zh.json";

export const LANGUAGES = ["zh", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each language calls itself, and its tag for the `lang` attribute. */
export const LANGUAGE_NAMES: Record<Language, { name: string; tag: string }> = {
  zh: { name: "中文", tag: "zh-CN" },
  en: { name: "English", tag: "en" },
};

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

export function usePageLanguage(): Language {
  return useTranslation().i18n.resolvedLanguage === "zh" ? "zh" : "en";
}

/** The `lang` tag of a text whose language nobody stated: any Han character makes it Chinese. */
export function languageTagOf(text: string): string {
  return LANGUAGE_NAMES[/\p{Script=Han}/u.test(text) ? "zh" : "en"].tag;
}

function labelDocument(): void {
  document.documentElement.lang =
    LANGUAGE_NAMES[i18next.resolvedLanguage === "zh" ? "zh" : "en"].tag;
  document.title = i18next.t("page.title");
}

export async function startI18n(): Promise<void> {
  i18next.on("languageChanged", labelDocument);
  await i18next
    .use(LanguageDetector)
    .use(initReactI18next)
    .init({
      resources: { zh: { translation: zh }, en: { translation: en } },
      fallbackLng: "en",
      supportedLngs: LANGUAGES,
      load: "languageOnly",
      interpolation: { escapeValue: false },
      detection: {
        order: ["localStorage", "navigator"],
        caches: ["localStorage"],
        lookupLocalStorage: "liuke.language",
      },
    });
  labelDocument();
}
