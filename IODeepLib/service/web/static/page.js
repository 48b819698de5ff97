// The page is fetched again every few seconds, unless somebody is about to do something on it.
const EVERY = 4000;

async function again() {
  const live = document.getElementById("live");
  const busy = document.hidden || live.contains(document.activeElement);
  if (!busy) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) location.reload(); // somebody has to sign in again
      if (answer.ok) {
        const made = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = made.getElementById("live");
        if (next && !live.contains(document.activeElement)) live.replaceWith(next);
      }
    } catch {
      // The service is started again just now.
    }
  }
  setTimeout(again, EVERY);
}

setTimeout(again, EVERY);
