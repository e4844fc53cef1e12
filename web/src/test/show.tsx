/** A part of a page as it stands there: in its frame, in one of the two languages. */

import { render } from "@testing-library/react";
import axe from "axe-core";
import i18next from "i18next";
import type { ReactNode } from "react";
import { expect } from "vitest";
import type { Language } from "../i18n";
import { PageFrame } from "../page";

export async function show(content: ReactNode, language: Language = "en"): Promise<HTMLElement> {
  await i18next.changeLanguage(language);
  return render(<PageFrame>{content}</PageFrame>).container;
}

/** What axe finds wrong; without a layout it cannot judge contrast, which tokens.test.ts does. */
export async function expectAccessible(content: HTMLElement): Promise<void> {
  const { violations } = await axe.run(content, {
    rules: { "color-contrast": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}
