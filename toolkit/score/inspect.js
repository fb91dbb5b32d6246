"use strict";
// Shows the utterances of a category, of a label, and with a text in them.
const utterances = [...document.querySelectorAll("article")];
const category = document.querySelector("#category");
const label = document.querySelector("#label");
const search = document.querySelector("#search");
const output = document.querySelector("output");

// One spelling for what is typed and for what is found: no vowel signs, one alef, one yeh, one heh.
const fold = (text) => text.normalize("NFKC").toLowerCase()
  .replace(/[\u064b-\u0652\u0670\u0640\u200b-\u200f\u2066-\u2069]/g, "")
  .replace(/[أإآٱ]/g, "ا").replace(/ى/g, "ي").replace(/ة/g, "ه").replace(/\s+/g, " ").trim();
const side = (article, name) => [...article.querySelectorAll(`.${name}`)].map((word) => word.textContent).filter(Boolean).join(" ");
const texts = utterances.map((article) =>
  fold([article.dataset.id, side(article, "r"), side(article, "h"), side(article, "w")].join("\n")));

const show = () => {
  const wanted = fold(search.value);
  let count = 0;
  utterances.forEach((article, i) => {
    const found = (!category.value || article.dataset.category === category.value)
      && (!label.value || article.dataset.label === label.value) && texts[i].includes(wanted);
    article.hidden = !found;
    count += found;
  });
  output.textContent = `${count} of ${utterances.length} on this page`;
};
for (const control of [category, label, search]) control.addEventListener("input", show);
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
show();
