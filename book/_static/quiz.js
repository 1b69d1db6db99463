// Quizzes that keep a score, and exercises that are checked in the page.  What they are made from
// reads well without this script: details elements, a sentence, a numbered list.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const button = (words, onClick, attributes = {}) => {
    const element = make("button", { type: "button", class: "quiz-button", ...attributes }, words);
    element.addEventListener("click", onClick);
    return element;
  };
  // a sign and a word, so that colour is not needed
  const say = (element, right, words) => {
    element.className = `check-says ${right ? "is-right" : "is-wrong"}`;
    element.textContent = `${right ? "✓" : "✗"} ${words}`;
  };

  // Quizzes -----------------------------------------------------------------------------------

  // The first answers are kept by the chapter's file and the question's words, so that a question
  // that moves keeps its answer.  Where nothing can be kept, the page forgets.
  const kept = {
    name: (question) => `quiz: ${location.pathname.split("/").pop()}: ${question}`,
    read(question) {
      try {
        return localStorage.getItem(this.name(question));
      } catch {
        return null;
      }
    },
    write(question, option) {
      try {
        if (option === null) localStorage.removeItem(this.name(question));
        else localStorage.setItem(this.name(question), option);
      } catch {
        // private windows
      }
    },
  };
  const words = (element) => element.textContent.trim().replace(/\s+/g, " ");
  // without its letter, which may change as well
  const nameOf = (option) => words(option.querySelector("summary > .quiz-words")).replace(/^[A-D]\. /, "");

  for (const quiz of document.querySelectorAll("ol.quiz-questions")) {
    const questions = [...quiz.children].map((item) => {
      const options = [...item.querySelectorAll("details.quiz")];
      for (const option of options) {
        const summary = option.querySelector("summary");
        summary.replaceChildren(
          make("span", { class: "quiz-words" }, ...summary.childNodes),
          make("span", { class: "quiz-sign" }),
        );
      }
      return { item, options, text: words(item.querySelector("p")), first: null };
    });
    const isRight = (option) => /^Right\b/.test(words(option.querySelector(":scope > :not(summary)")));
    const score = make("output", { class: "quiz-score" });
    const reset = button("Start again", () => {
      for (const question of questions) {
        question.first = null;
        kept.write(question.text, null);
        for (const option of question.options) {
          mark(option, false);
          option.open = false;
        }
      }
      count();
    });
    const mark = (option, seen, first = false) => {
      const right = isRight(option);
      option.classList.toggle("is-right", seen && right);
      option.classList.toggle("is-wrong", seen && !right);
      option.querySelector(".quiz-sign").textContent = seen
        ? ` ${right ? "✓ right" : "✗ wrong"}${first ? ", your first answer" : ""}`
        : "";
    };
    const count = () => {
      const answered = questions.filter((question) => question.first);
      const right = answered.filter((question) => isRight(question.first)).length;
      score.textContent = answered.length
        ? `Score: ${right} of ${questions.length}` +
          (answered.length < questions.length ? ` (${answered.length} answered)` : "")
        : `Score: ${questions.length} questions to answer; the first answer to each counts`;
      reset.hidden = answered.length === 0;
    };
    for (const question of questions) {
      const before = kept.read(question.text);
      question.first = question.options.find((option) => nameOf(option) === before) || null;
      if (question.first) mark(question.first, true, true);
      for (const option of question.options) {
        // on a click or a key, and not when a page is unfolded to be searched or printed
        option.querySelector("summary").addEventListener("click", () => {
          if (option.open) return; // it is about to close
          if (!question.first) {
            question.first = option;
            kept.write(question.text, nameOf(option));
          }
          mark(option, true, option === question.first);
          count();
        });
      }
    }
    quiz.after(make("div", { class: "quiz-total" }, score, reset));
    count();
  }

  // Numbers -----------------------------------------------------------------------------------

  // What may be meant: "1,96 %", "1.96e-2", "1,664" (two things), "20 dB", "3 · 10^-2".
  const readings = (text) => {
    const plain = text
      .normalize("NFKC")
      .replace(/[\s_']/g, "")
      .replace(/[−–]/g, "-")
      .replace(/[×·*x]10\^?/i, "e");
    const found = /^([-+]?(?:\d[\d.,]*|[.,]\d+))(e[-+]?\d+)?(%?)(?![\d.,])/i.exec(plain);
    if (!found) return [];
    const [, digits, power = "", percent] = found;
    const forms = new Set([digits.replaceAll(",", ".")]);
    if (/^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(digits)) forms.add(digits.replaceAll(",", ""));
    if (/^[-+]?\d{1,3}(\.\d{3})+,\d+$/.test(digits)) forms.add(digits.replaceAll(".", "").replace(",", "."));
    return [...forms]
      .map((form) => Number(form + power) / (percent ? 100 : 1))
      .filter(Number.isFinite);
  };

  let checks = 0;
  for (const place of document.querySelectorAll(".check-number[data-answer]")) {
    const answer = Number(atob(place.dataset.answer));
    const tolerance = Number(place.dataset.tolerance || 0) + 1e-9 * Math.abs(answer);
    const near = (value) => Math.abs(value - answer) <= tolerance;
    const input = make("input", { type: "text", autocomplete: "off", id: `check-${(checks += 1)}`, size: 10 });
    const says = make("output", { class: "check-says" });
    const check = () => {
      const values = readings(input.value);
      if (values.some(near)) say(says, true, "right");
      else if (!values.length) say(says, false, "type a number, such as 0.25, 25 % or 2.5e-1");
      else if (values.some((value) => near(value / 100))) say(says, false, "in percent? Then add the sign %");
      else say(says, false, "not yet");
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") check();
    });
    const label = make("label", { for: input.id }, ...place.childNodes);
    place.replaceChildren(label, " ", input, " ", button("Check", check), " ", says);
  }

  // Lines to put in order ---------------------------------------------------------------------

  for (const list of document.querySelectorAll("ol.check-order[data-answer]")) {
    const lines = [...list.children];
    const right = atob(list.dataset.answer).split(",").map((number) => lines[number - 1]);
    const says = make("output", { class: "check-says" });
    const move = (line, by) => {
      const other = by < 0 ? line.previousElementSibling : line.nextElementSibling;
      if (!other) return;
      if (by < 0) other.before(line);
      else other.after(line);
      says.textContent = "";
      says.className = "check-says";
      ends();
    };
    // a button that cannot move its line any farther stays where the keyboard is
    const ends = () => {
      for (const line of lines) {
        const [up, down] = line.querySelectorAll("button");
        up.setAttribute("aria-disabled", String(!line.previousElementSibling));
        down.setAttribute("aria-disabled", String(!line.nextElementSibling));
      }
    };
    for (const line of lines) {
      const name = words(line);
      const arrow = (sign, by, way) => {
        const made = button(sign, () => {
          move(line, by);
          made.focus();
        }, { "aria-label": `Move ${way}: ${name}` });
        return made;
      };
      const text = make("span", { class: "order-words" }, ...line.childNodes);
      line.replaceChildren(arrow("↑", -1, "up"), arrow("↓", 1, "down"), text);
    }
    ends();
    list.classList.add("is-checked");
    const check = button("Check the order", () => {
      const now = [...list.children];
      const first = now.findIndex((line, i) => line !== right[i]);
      if (first < 0) say(says, true, "right");
      else say(says, false, `not yet: line ${first + 1} is the first in a wrong place`);
    });
    list.after(make("div", { class: "order-check" }, check, " ", says));
  }
});
