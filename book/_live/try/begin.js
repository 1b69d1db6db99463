// The last script: shows the page's parts, with a picture in them.
"use strict";

tryIt.choices(document.getElementById("try-choices"));
tryIt.ready();
document.querySelector("#try-choices .try-choice").click();
