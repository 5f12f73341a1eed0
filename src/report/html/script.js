(() => {
  const form = document.getElementById("filter");
  const [text, level, rule, object] = ["text", "level", "rule", "object"].map((name) => form.elements[name]);
  const items = [...document.querySelectorAll("[data-rule]")];
  const cards = [...document.querySelectorAll(".card.of-items")];
  const parts = [...document.querySelectorAll("section.of-items")];
  const none = document.getElementById("none");
  const words = items.map((item) => {
    const card = item.closest(".card");
    const title = card.querySelector("summary, .top");
    return (item.textContent + " " + title.textContent + " " + item.dataset.rule).toLowerCase();
  });
  const fill = (select, key) => {
    const counts = new Map();
    for (const item of items) {
      const value = item.dataset[key];
      if (value) counts.set(value, (counts.get(value) || 0) + 1);
    }
    for (const [value, count] of [...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = `${value} (${count})`;
      select.append(option);
    }
    select.hidden = counts.size < 2;
  };
  fill(level, "level");
  fill(rule, "rule");
  fill(object, "object");
  const isShown = (element) => !element.hidden;
  const apply = () => {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, at) => {
      const { dataset } = item;
      const matches =
        (!level.value || dataset.level === level.value) &&
        (!rule.value || dataset.rule === rule.value) &&
        (!object.value || dataset.object === object.value) &&
        wanted.every((word) => words[at].includes(word));
      item.hidden = !matches;
      if (matches) shown += 1;
    });
    for (const card of cards) card.hidden = ![...card.querySelectorAll("[data-rule]")].some(isShown);
    for (const part of parts) part.hidden = ![...part.querySelectorAll(".card.of-items")].some(isShown);
    const isFiltered = shown < items.length;
    for (const line of document.querySelectorAll(".hunk > pre.context")) line.hidden = isFiltered;
    for (const places of document.querySelectorAll(".places > details")) places.open = isFiltered;
    none.hidden = shown > 0 || items.length === 0;
    form.elements.count.value = isFiltered ? `${shown} of ${items.length}` : `${items.length} entries`;
  };
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 80);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      text.focus();
    } else if (event.key === "Escape" && isTyping) {
      form.reset();
    }
  });
  addEventListener("beforeprint", () => {
    for (const card of document.querySelectorAll("details")) card.open = true;
  });
  form.hidden = items.length < 2;
  apply();
})();
