"use strict";
// The cursor over an utterance's units and phones follows its audio; a click on a strip plays from there.
for (const player of document.querySelectorAll(".player")) {
  const audio = player.querySelector("audio");
  const track = player.querySelector(".track");
  const scroll = track.parentElement;
  const cursor = player.querySelector(".cursor");
  const output = player.querySelector("output");
  const seconds = Number(player.dataset.seconds);
  const strips = [...player.querySelectorAll(".strip")].map((strip) =>
    [...strip.children].map((span) => ({ span, start: Number(span.dataset.s), end: Number(span.dataset.e) })));
  const titles = [...player.querySelectorAll(".strip-title")].map((title) => title.textContent);

  const show = () => {
    const now = audio.currentTime;
    const x = (now / seconds) * track.clientWidth;
    cursor.style.transform = `translateX(${x}px)`;
    player.classList.add("heard");
    const heard = strips.map((strip) => {
      let label = "–";
      for (const { span, start, end } of strip) {
        const inside = start <= now && now < end;
        span.classList.toggle("now", inside);
        if (inside) label = span.textContent;
      }
      return label;
    });
    output.textContent = `· at ${now.toFixed(2)} s: ` + titles.map((title, i) => `${title} ${heard[i]}`).join(", ");
    if (!audio.paused && (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth - 40)) scroll.scrollLeft = x - 40;
  };
  const follow = () => {
    show();
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    follow();
  });
  audio.addEventListener("seeked", show);
  audio.addEventListener("ended", show);
  track.addEventListener("click", (event) => {
    const box = track.getBoundingClientRect();
    audio.currentTime = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.999) * seconds;
    audio.play();
  });
}
