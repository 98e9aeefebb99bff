// Times in the reader's zone, with the exact value on hover. The page reads well without it.
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  if (time.hasAttribute("data-date")) time.textContent = date.toLocaleDateString(undefined, { dateStyle: "long" });
}
