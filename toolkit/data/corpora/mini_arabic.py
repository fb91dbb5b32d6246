"""Arabic sentences of the mini corpus: MSA and five dialects, by templates over word lists.

The dialects differ in their WORDS alone: question words, verbs, negation, greetings, food. All are read by
one synthesiser with one phoneme set, that of MSA, so neither the vowels nor the melody of a dialect are there,
and a classifier of these dialects is a classifier of words. Whatever is measured on them is called synthetic.

Spelling is phonemic, as the synthesiser needs it: short vowels are written, an initial cluster has a sukun
(«نْحَبّ», n7abb), and the [g] that stands for ق in much of Jordan, the Gulf and Yemen is written گ.
A bare final ة is silent («القَهْوَة», alqahwa), one with a mark is a [t].
Words are apart by ` / `; {slot} takes any word of its list, {slot2} another one of the same list.
"""

from __future__ import annotations

from .mini_text import Lexicon

# Names go with every dialect, so that no name tells which it is.
_NAMES = "مُحَمَّد / خَالِد / يُوسِف / سَمِير / كَرِيم / عُمَر / طَارِق / بِلَال / رَامِي / نَبِيل"

MSA = Lexicon(
    templates=(
        "أُرِيدُ أَنْ {subjunctive} {food} {when}",  # I want to buy bread today
        "مَتَى {you_go} إِلَى {place} يَا {name}؟",  # when do you go to the market?
        "لِمَاذَا لَمْ {jussive} إِلَى {place} {past}؟",  # why did you not come back yesterday?
        "لَيْسَ عِنْدِي {thing} {when}",  # I have no time today
        "هَلْ {you_like} {food} أَمْ {food2}؟",  # do you prefer tea or coffee?
        "{i_went} مَعَ {person} إِلَى {place} {past}",  # I went with my father to the airport
        "هٰذَا {noun} {adjective} جِدًّا",  # this book is very useful
        "مَاذَا {you_do} {when}؟",  # what do you do now?
        "سَوْفَ {indicative} {food} لِأَنَّهُ {quality}",  # I shall buy the fish because it is fresh
        "السَّلَامُ عَلَيْكُمْ، كَيْفَ {fine} {now}؟",  # peace be upon you, how is your health today?
        "لَا أَعْرِفُ أَيْنَ {person_nom} {now}",  # I do not know where my brother is
        "كَمْ {measure} مِنَ {food_gen} تُرِيدُ {when}؟",  # how many kilos of rice do you want?
    ),
    slots={
        "subjunctive": "أَشْتَرِيَ / آكُلَ / أُحْضِرَ / أَطْلُبَ / أُجَرِّبَ",  # buy, eat, bring, order, try
        "indicative": "أَشْتَرِي / آكُلُ / أُحْضِرُ / أَطْلُبُ / أُجَرِّبُ",
        "food": "الخُبْزَ / الأَرُزَّ / السَّمَكَ / اللَّحْمَ / الدَّجَاجَ / التُّفَّاحَ / العَسَلَ / الجُبْنَ / التَّمْرَ / الحَسَاءَ",
        "food_gen": "الخُبْزِ / الأَرُزِّ / السَّمَكِ / اللَّحْمِ / التُّفَّاحِ / العَسَلِ / الجُبْنِ / التَّمْرِ",
        "when": "اليَوْمَ / غَدًا / الآنَ / هٰذَا المَسَاءَ / فِي الصَّبَاحِ / بَعْدَ الظُّهْرِ",
        "now": "اليَوْمَ / الآنَ / هٰذَا الصَّبَاحَ / هٰذَا المَسَاءَ",
        "past": "أَمْسِ / البَارِحَةَ / هٰذَا الصَّبَاحَ / قَبْلَ يَوْمَيْنِ / لَيْلَةَ أَمْسِ",
        "you_go": "تَذْهَبُ / تَصِلُ / تَعُودُ / تُسَافِرُ",  # go, arrive, come back, travel
        "jussive": "تَذْهَبْ / تَرْجِعْ / تَصِلْ / تَحْضُرْ",
        "you_like": "تُحِبُّ / تُرِيدُ / تُفَضِّلُ / تَطْلُبُ",  # like, want, prefer, order
        "you_do": "تَفْعَلُ / تَقْرَأُ / تَكْتُبُ / تَقُولُ / تَشْرَبُ",  # do, read, write, say, drink
        "i_went": "ذَهَبْتُ / رَجَعْتُ / سَافَرْتُ / مَشَيْتُ",  # went, came back, travelled, walked
        "place": "السُّوقِ / البَيْتِ / المَدْرَسَةِ / الجَامِعَةِ / المَطَارِ / الحَدِيقَةِ / المَكْتَبَةِ / المَدِينَةِ / القَرْيَةِ",
        "person": "أَبِي / أُمِّي / صَدِيقِي / أَخِي / أُخْتِي / جَارِنَا / المُعَلِّمِ",
        "person_nom": "أَبِي / أُمِّي / صَدِيقِي / أَخِي / أُخْتِي / جَارُنَا / المُعَلِّمُ / الطَّبِيبُ",
        "thing": "وَقْتٌ / مَالٌ / عَمَلٌ / دَرْسٌ / مَوْعِدٌ / سُؤَالٌ / كِتَابٌ",  # time, money, work, ...
        "noun": "الكِتَابُ / البَيْتُ / الطَّعَامُ / الدَّرْسُ / الطَّرِيقُ / المَكَانُ / الخَبَرُ",
        "adjective": "جَمِيلٌ / جَدِيدٌ / مُهِمٌّ / طَوِيلٌ / قَدِيمٌ / مُمْتَازٌ",
        "quality": "لَذِيذٌ / طَازَجٌ / رَخِيصٌ / مُفِيدٌ / خَفِيفٌ",  # tasty, fresh, cheap, wholesome, light
        "fine": "حَالُكُمْ / صِحَّتُكُمْ / أُسْرَتُكُمْ / أَحْوَالُكُمْ",
        "measure": "كِيلُو / قِطْعَةً / صُنْدُوقًا / طَبَقًا",
        "name": _NAMES,
    },
)

# Algeria: واش what, وقتاش when, علاش why, شحال how much, بزاف a lot, درك now, راني I am, ما ... ش not.
ALG = Lexicon(
    templates=(
        "وَاش رَاك {you_do} {now}؟",  # what are you doing now?
        "رَانِي رَايَح {place} {when}",  # I am going home now
        "نْحَبّ {we_do} {food} بَزَّاف",  # I like to eat couscous a lot
        "شْحَال يَسْوَى {food} {now} يَا {friend}؟",  # how much is the bread today?
        "وَقْتَاش {you_go} {place} يَا {name}؟",  # when do you go to work?
        "عْلَاش مَا {not_gone} {place} {past}؟",  # why did you not go to the market yesterday?
        "مَا عَنْدِيش {thing} {when} يَا {friend}",  # I have no money now, brother
        "كَايَن {food} بَزَّاف {inside}",  # there is a lot of fish in the shop
        "هَاذ {noun} {adjective} بَزَّاف يَا {friend}",  # this house is very nice
        "وِين رَاه {person}؟ مَا {seen} {past}",  # where is my father? I did not see him yesterday
        "صَحَّا {friend}، كِيفَاش {fine} {now}؟",  # hello brother, how are you today?
        "دُرْك {we_do} {food} وَمْبَعْد نْرُوح {place}",  # now I eat bread and then I go home
    ),
    slots={
        "you_do": "تْدِير / تَاكُل / تَشْرَب / تَقْرَا / تْقُول / تْحَوَّس",  # do, eat, drink, read, say, look for
        "we_do": "نَاكُل / نَشْرِي / نْجِيب / نْطَيَّب / نْدِّي",  # (first person) eat, buy, bring, cook, take
        "food": "الكُسْكُسِي / الخُبْز / الحُوت / الجَّاج / البَطَاطَا / الشُّورْبَة / المْحَاجَب / الدَّلَّاع / الفَرْمَاج",
        "when": "دُرْك / غُدْوَة / اليُوم / العَشِيَّة / كُلّ يُوم / هَاذ الصْبَاح",
        "now": "دُرْك / اليُوم / هَاذ الصْبَاح / هَاذ الأَيَّام",
        "past": "البَارَح / لِيلَةْ البَارَح / العَام اللِّي فَات / مْعَ الصْبَاح",
        "you_go": "تْرُوح / تَرْجَع / تَمْشِي / تَخْرُج",
        "not_gone": "رُحْتْش / رْجَعْتْش / مْشِيتْش / جِيتْش",
        "place": "لَلدَّار / لَلسُّوق / لَلْمَارْشِي / لَلسْبِيطَار / لَلْخَدْمَة / لَلْحَانُوت / لَلْبْحَر / لَلْقَهْوَة",
        "inside": "فَالدَّار / فَالسُّوق / فَالْمَارْشِي / فَالْحَانُوت / فَالْكُوزِينَة / فَالْفْرِيجِيدَار",
        "thing": "الدْرَاهَم / الوَقْت / الخَدْمَة / الطُّونُوبِيل / التِّيلِيفُون / الكْوَاغَط",  # money, ..., car, papers
        "noun": "البِيت / الفِيلْم / الحُوت / الكْتَاب / القَشّ / البْلَان",
        "adjective": "مْلِيح / شْبَاب / غَالِي / كْبِير / بْنِين",  # good, pretty, dear, big, tasty
        "person": "بَابَا / خُويَا / صَاحْبِي / جَارْنَا / وَلْد عَمِّي",
        "seen": "شُفْتُوش / لْقِيتُوش / سْمَعْتُوش / عْرَفْتُوش",
        "friend": "خُويَا / صَاحْبِي / وَلْد بْلَادِي / الشِّيخ",
        "fine": "رَاك / الصَّحَّة / الدَّار / الحَالَة",
        "name": _NAMES,
    },
)

# Jordan: شو what, گديش how much, هسا now, بدي I want, مش not, هاظ this, كثير much; [g] for ق.
JOR = Lexicon(
    templates=(
        "شُو بِدَّك {you_do} {when}؟",  # what do you want to do now?
        "بِدِّي {i_go} عَ{place} {when}",  # I want to go to the market now
        "گَدِّيش {food} {now} يَا {friend}؟",  # how much is the tea today?
        "إِيمْتَى رَاح {you_go} عَ{place} يَا {name}؟",  # when will you go to work?
        "لِيش مَا {gone} عَ{place} {past}؟",  # why did you not go home yesterday?
        "مَا مَعِي {thing} هَسَّا يَا {friend}",  # I have no money now, man
        "هَاظ {noun} {adjective} كْثِير",  # this house is very nice
        "وِينَك يَا {friend}؟ {seen} {past}",  # where are you, man? I asked for you yesterday
        "هَسَّا {i_do} {food} وَبَعْدِين بَرَوِّح",  # now I drink coffee and then I go home
        "يَا هَلَا يَا {friend}، شْلُون {fine} {now}؟",  # welcome man, how are you today?
        "فِي {food} كْثِير عِنْد {person}",  # there is a lot of mansaf at my brother's
        "مِش عَارِف وِين {person} {now}، {tell}",  # I do not know where my brother is now, tell me
    ),
    slots={
        "you_do": "تْسَوِّي / تُوكِل / تِشْرَب / تْگُول / تْجِيب",
        "i_do": "بَشْرَب / بَوكِل / بَشْتَرِي / بَجِيب",
        "i_go": "أَرُوح / أَرْجَع / أَمْشِي / أَطْلَع",
        "you_go": "تْرُوح / تِرْجَع / تِمْشِي / تِطْلَع",
        "gone": "رُحِت / رْجِعِت / إِجِيت / طْلِعِت",
        "food": "المَنْسَف / الگَهْوَة / الشَّاي / الجَمِيد / اللَّبَن / المَگْلُوبَة / الرُّز / الخُبِز / الفَلَافِل",
        "when": "هَسَّا / بُكْرَا / اليُوم / عَ الظُّهُر / بَعْد شْوَيّ / المَسَا",
        "now": "هَسَّا / اليُوم / هَالأَيَّام / هَالسَّاعَة",
        "past": "مْبَارِح / أَوَّل مْبَارِح / الصُّبُح / فِي اللِّيل",
        "place": "السُّوگ / الدَّار / الشُّغُل / الجَامْعَة / البَلَد / الدُّكَّان / عَمَّان / الطَّرِيگ",
        "thing": "مَصَارِي / وَگِت / سَيَّارَة / تِلِفُون / مُفْتَاح",  # money, time, car, phone, key
        "noun": "البِيت / الأَكِل / الكْتَاب / الفِيلِم / المَحَلّ / الحَكِي",
        "adjective": "زَاكِي / غَالِي / مْنِيح / حِلُو / جْدِيد",
        "person": "أَخُوي / أَبُوي / صَاحْبِي / خَالِي / جَارْنَا",
        "seen": "سَأَلْت عَنَّك / دَوَّرْت عَلِيك / رَنِّيت عَلِيك / نْطَرْتَك",  # asked for, looked for, rang, waited for
        "tell": "گُولِّي / خَبِّرْنِي / احْكِي لِي / فَهِّمْنِي",  # tell me, let me know, talk to me, make me see
        "friend": "زَلَمَة / خَوِي / نَشْمِي / گَرَابَة",  # man, brother, chivalrous one, kinsman
        "fine": "حَالَك / أُمُورَك / الأَهِل / الصَّحَّة",
        "name": _NAMES,
    },
)

# Palestine (towns): إيش what, أديش how much, هلأ now, بدي I want, مش not, هادا this, كتير much; [ʔ] for ق.
PAL = Lexicon(
    templates=(
        "إِيش بِدَّك {you_do} {when}؟",  # what do you want to eat now?
        "بِدِّي {i_go} عَلَى {place} {when}",  # I want to go home now
        "أَدِّيش حَأّ {food} {now} يَا {friend}؟",  # how much is the bread today?
        "إِمْتَى {you_go} مِن {place} يَا {name}؟",  # when do you come back from school?
        "لِيش {gone} عَلَى {place} {past}؟",  # why did you not go to the market yesterday?
        "مَا عِنْدِيش {thing} هَلَّأ يَا {friend}",  # I have no money now, brother
        "هَادَا {noun} {adjective} كْتِير",  # this food is very tasty
        "وِينَك هَلَّأ يَا {friend}؟ {seen} {past}",  # where are you now? I waited for you yesterday
        "هَلَّأ {i_do} {food} وَبَعْدِين بَنَام",  # now I eat hummus and then I sleep
        "يِسْعِد {morning} يَا {friend}، كِيف {fine}؟",  # good morning brother, how are you?
        "فِي {food} كْتِير عِنْد {person} {when}",  # there is a lot of kunafa at my aunt's today
        "أُلْت لَـ{person} مَا {forget} {food}",  # I said to my mother, do not forget the bread
    ),
    slots={
        "you_do": "تَاكُل / تِشْرَب / تِعْمَل / تْأُول / تِحْكِي",
        "i_do": "بَاكُل / بَشْرَب / بَطْبُخ / بَجِيب",
        "i_go": "أَرُوح / أَرْجَع / أَنْزِل / أَطْلَع",
        "you_go": "بْتِرْجَع / بْتِيجِي / بْتِطْلَع / بْتِنْزِل",
        "gone": "مَا رُحْتِش / مَا إِجِيتِش / مَا نْزِلْتِش / مَا طْلِعْتِش",
        "food": "الحُمُّص / الكْنَافِة / المْسَخَّن / الأَهْوِة / الزَّعْتَر / المَأْلُوبِة / الزِّيت / الخُبِز / العَدَس",
        "when": "هَلَّأ / بُكْرَة / اليُوم / بَعْد العَصِر / كَمَان شْوَيّ / عَ المَسَا",
        "now": "هَلَّأ / اليُوم / هَالأَيَّام / هَالسَّاعَة",
        "past": "مْبَارِح / أَوَّل مْبَارِح / الصُّبِح / اللِّيلَة اللِّي فَاتَت",
        "place": "السُّوء / الدَّار / المَدْرَسِة / الشُّغِل / البَلَد / الدُّكَّانِة / الأُدُس / الحَارَة",
        "thing": "مَصَارِي / وَأِت / سِيَّارَة / تِلِفُون / مُفْتَاح / شُغِل",
        "noun": "الأَكِل / البِيت / المَحَلّ / الكْتَاب / الفِيلِم / الحَكِي",
        "adjective": "زَاكِي / غَالِي / مْلِيح / حِلُو / إِدِيم",
        "person": "سِيدِي / سِتِّي / خَالْتِي / عَمِّي / جَارِتْنَا",  # grandfather, grandmother, aunt, uncle, neighbour
        "seen": "اسْتَنِّيتَك / دَوَّرْت عَلِيك / حَكِيت مَعَك / شُفْتَك",
        "forget": "تِنْسَاش / تْجِيبِش / تِطْبُخِش / تُحُطِّش",
        "friend": "خَيَّا / حَبِيبِي / شَبّ / صَاحْبِي",
        "morning": "صَبَاحَك / مَسَاك / نْهَارَك / أَوْآتَك",
        "fine": "حَالَك هَلَّأ / صِحْتَك اليُوم / أَهْلَك / وْلَادَك",
        "name": _NAMES,
    },
)

# Emirates, with [y] for ج: شو what, شحال how, الحين now, باجر tomorrow, أبا I want, مب not, وايد much; [g] for ق.
UAE = Lexicon(
    templates=(
        "شُو تَبَا {you_do} {when}؟",  # what do you want to eat now?
        "أَبَا {i_go} {place} {when}",  # I want to go to the souq now
        "بْكَم {food} {now} يَا {friend}؟",  # how much is the rice today?
        "مِتَى بِـ{you_go} {place} يَا {name}؟",  # when will you go to Dubai?
        "لِيش مَا {gone} {place} {past}؟",  # why did you not come home yesterday?
        "مَا عِنْدِي {thing} الحِين يَا {friend}",  # I have no money now, dear
        "هَذَا {noun} وَايِد {adjective}",  # this place is very nice
        "وِينَك يَا {friend}؟ {seen} {past}",  # where are you, dear? I passed by you yesterday
        "الحِين {i_do} {food} وْعُگُب بَـ{stem} {place}",  # now I drink coffee and then I go home
        "مَرْحَبَا السَّاع، {fine} {now}؟",  # welcome at this hour, how are you today?
        "شَي {food} وَايِد {at} {when}",  # there is a lot of fish at ours today
        "مُب {able} أَسِير {place} {when}",  # I am not up to going to the sea now
    ),
    slots={
        "you_do": "تَاكِل / تِشْرَب / تْسَوِّي / تْگُول / تْيِيب",
        "i_do": "أَشْرَب / آكِل / أَشِلّ / أَيِيب",  # drink, eat, carry, bring
        "i_go": "أَسِير / أَرْيَع / أَوْصَل / أَظْهَر",  # go, come back, arrive, go out
        "stem": "سِير / رْيَع / ظْهَر",
        "you_go": "تْسِير / تِرْيَع / تِوْصَل / تْيِي",
        "gone": "سِرْت / رْيَعْت / يِيت / ظَهَرْت",
        "food": "العِيش / السِّمَك / الهَرِيس / المَكْبُوس / اللُّگِيمَات / الگَهْوَة / الخَبِيص / الرِّگَاگ / البَلَالِيط",
        "when": "الحِين / بَاجِر / اليُوم / عُگُب شْوَيّ / المَغْرِب / هَالحَزَّة",
        "now": "الحِين / اليُوم / هَالأَيَّام / هَالحَزَّة",
        "past": "أَمْس / أَوَّل أَمْس / الصِّبْح / البَارْحَة",
        "place": "السُّوگ / البِيت / الدَّوَام / دِبَيّ / البَحَر / المَيْلِس / العِزْبَة / الفَرِيج",
        "thing": "بِيزَات / وَگْت / مُوتَر / تِلِفُون / شِغْل",  # money, time, car, phone, work
        "noun": "المَكَان / البِيت / الرَّيَّال / المُوتَر / المَيْلِس / الكِتَاب",
        "adjective": "زِين / غَاوِي / عُود / يَدِيد / غَالِي",  # good, pretty, big, new, dear
        "able": "رُومِي / فَاضِي / گَادِر / نَاوِي",
        "at": "عِدْنَا / عِنْدَكُم / فِي السُّوگ / فِي البِيت",
        "seen": "مَرِّيت عَلِيك / نَشَدْت عَنَّك / تَرَيَّيتَك / دَگِّيت لَك",
        "friend": "الغَالِي / خُويَه / الرَّبِع / الشَّيْبَة",
        "fine": "شْحَالَك / شْحَالْكُم / شْحَال عْيَالَك / شْحَال هَلَك",
        "name": _NAMES,
    },
)

# Yemen (Sanaa): أيش what, أيحين when, لمه why, ذلحين now, أشتي I want, ما ... ش not, گوي much; [g] for ق.
YEM = Lexicon(
    templates=(
        "أَيْش تِشْتِي {you_do} {when}؟",  # what do you want to eat now?
        "أَشْتِي {i_go} {place} {when}",  # I want to go to the market now
        "بِكَم {food} {now} يَا {friend}؟",  # how much is the honey today?
        "أَيَّحِين {you_go} {place} يَا {name}؟",  # when will you go to Sanaa?
        "لِمَه مَا {gone} {place} {past}؟",  # why did you not go to the market yesterday?
        "مَا بِش مَعِي {thing} ذَلْحِين يَا {friend}",  # I have no money now, friend
        "هَذَا {noun} {adjective} گَوِي",  # this house is very beautiful
        "أَيْنَك يَا {friend}؟ {seen} {past}",  # where are you? I looked for you yesterday
        "ذَلْحِين بَيْن {i_do} {food} وَبَعْدَا أَسِير",  # now I am eating salta, and then I go
        "حَيَّا اللّٰه مَن جَا، كَيْفَك يَا {friend} {now}؟",  # God keep who has come, how are you today?
        "مَعَانَا {food} گَوِي {at} {when}",  # we have a lot of bread in the kitchen today
        "مَا دَرِيت أَيْن {person}، {tell} {now}",  # I do not know where my brother is, look now
    ),
    slots={
        "you_do": "تَاكُل / تِشْرَب / تِعْمَل / تُگُول / تُخَزِّن",
        "i_do": "آكُل / أَشْرَب / أَشْتَرِي / أَطْبُخ",
        "i_go": "أَسِير / أَرْجَع / أَخْرُج / أَجِي",
        "you_go": "عَتْسِير / عَتِرْجَع / عَتُخْرُج / عَتِوْصَل",
        "gone": "سِرْتِش / رَجَعْتِش / جِيتِش / خَرَجْتِش",
        "food": "السَّلْتَة / العَصِيد / الفَحْسَة / السَّحَاوِگ / المُلُوج / الگِشْر / الشَّاهِي / العَسَل / بِنْت الصَّحْن",
        "when": "ذَلْحِين / بُكْرَه / اليَوْم / بَعْد العَصْر / العَشِي / بَعْد گَلِيل",
        "now": "ذَلْحِين / اليَوْم / هَذِه الأَيَّام / هَذَا الحِين",
        "past": "أَمْس / گَبْل أَمْس / الصُّبْح / لَيْلَةْ أَمْس",
        "place": "السُّوگ / البَيْت / صَنْعَا / المَگْيَل / الدُّكَّان / الگَرْيَة / بَاب اليَمَن / الجَامِع",
        "thing": "زَلَط / وَگْت / سَيَّارَة / گَات / شُغْل",  # money, time, car, qat, work
        "noun": "البَيْت / الگَات / العَسَل / المَكَان / الكَلَام / الثَّوْب",
        "adjective": "مَلِيح / غَالِي / حَالِي / كَبِير / جَدِيد",
        "at": "فِي الدَّيْمَة / فِي البَيْت / فِي المَفْرَج / عِنْد خَالِي",  # kitchen, house, upper room, uncle's
        "person": "صِنْوِي / أَبِي / عَمِّي / الجَاهِل / جَارَنَا",  # brother, father, uncle, child, neighbour
        "tell": "أَبْسِر / گُل لِي / اسْأَل / دَوِّر",
        "seen": "دَوَّرْت لَك / أَبْسَرْتَك / صَيَّحْت لَك / رَاعَيْت لَك",  # looked for, saw, called, waited for
        "friend": "صَاحِبِي / خُبْرَتِي / صِنْوِي / عَاقِل",
        "name": _NAMES,
    },
)

LEXICONS = {"MSA": MSA, "ALG": ALG, "JOR": JOR, "PAL": PAL, "UAE": UAE, "YEM": YEM}
