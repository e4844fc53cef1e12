/** The frame of the console, and its pages while there is nothing behind them. */

import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Masthead } from "../ui/Masthead";
import styles from "./Layout.module.css";

export function Layout() {
  const { t } = useTranslation("console");
  return (
    <div className="frame">
      <Masthead subtitle={t("role")} />
      <main className={`container ${styles.page ?? ""}`}>
        <Outlet />
      </main>
    </div>
  );
}

export function Start() {
  const { t } = useTranslation("console");
  return (
    <>
      <h1>{t("empty.heading")}</h1>
      <p>{t("empty.text")}</p>
      <p>
        <a href="/">{t("empty.call_page")}</a>
      </p>
    </>
  );
}

export function Missing() {
  const { t } = useTranslation("console");
  const { pathname } = useLocation();
  return (
    <>
      <h1>{t("missing.heading")}</h1>
      <p>{t("missing.text", { path: pathname })}</p>
      <p>
        <Link to="/">{t("missing.start")}</Link>
      </p>
    </>
  );
}
