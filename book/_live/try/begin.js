// The last script: shows the page's parts, with nothing drawn.
"use strict";

tryIt.choices(document.getElementById("try-choices"));
tryIt.ready();
tryIt.begin();
tryIt.beginTraining(); // last, since an address may lead there
