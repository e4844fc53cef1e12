/** Whose page this is: the one-time link, out of the page's address, kept for as long as the tab is. */

const KEY = "liuke.link";

/**
 * The message's link opens the page as `…/join.html#LINK`. What follows `#` stays in the browser: it is in no log and
 * no Referer. It leaves the address bar and the history too, so that a copied address or a borrowed browser opens
 * nothing; a reload finds it in the tab's own storage.
 */
export function takeLink(location: Location, history: History, storage: Storage): string {
  const link = location.hash.slice(1);
  if (link === "") return storage.getItem(KEY) ?? "";
  storage.setItem(KEY, link);
  history.replaceState(null, "", location.pathname + location.search);
  return link;
}
