"""Words beside those of the regions (`anatomy_words.txt`): sides, coils, what names no region."""

from __future__ import annotations

# Phrases that hold a word of a region but do not say what is shown: patient position, projections,
# image processing, devices. Longer phrases win, so these take the words out of the search.
NO_REGION = """
head first, feet first, foot first, head in, feet in, head up, head down, head rest, head holder
testa avanti, testa per prima, piedi avanti, piedi per primi, entra di piedi, entra di testa
Kopf voran, Kopf zuerst, Füße voran, Fuß voran, Füße zuerst, Kopftieflage, Kopfhalter, Kopfstütze
tête première, tête en avant, pieds premiers, pieds en avant, pieds en premier
cabeza primero, pies primero, cabeza primera, pies por delante
arms up, arms down, arm up, arm down, arms raised, raised arms, arms above head, hands up
arms over head, arms at side, braccia alte, braccia in alto, braccia basse, braccia su
Arme hoch, Arme oben, Arme unten, Arm hoch, bras levés, bras baissés, bras en haut, bras le long
brazos arriba, brazos abajo, brazos elevados
heart rate, hand injection, hand inject, hand held, handheld, left handed
right handed, skull stripped, skull stripping, brain extracted, skin marker, skin dose, eye tracking
lens dose, eye dose, c arm, treatment arm, study arm, control arm
left lateral decubitus, right lateral decubitus, decubitus left, decubitus right
left decubitus, right decubitus
left anterior oblique, right anterior oblique, left posterior oblique, right posterior oblique
left to right, right to left
cranio caudal, caudo cranial, cranio caudale, cranio caudad, cranial angulation, craniocaudal
craniocaudale, kraniokaudal, moelle osseuse, midollo osseo, vocal cord, vocal cords
post tx, pre tx, tx rx, rx tx, tx coil, status post tx
sinus rhythm, sinus tarsi, sinus tachycardia, sagittal sinus, transverse sinus, venous sinus
cavernous sinus, dural sinus, seno cavernoso, seno sagittale, seno coronario, seni venosi
senos venosos, sinus cavernosus, sinus venosus, sinus pilonidal
spinal needle, spinal tap, lumbar puncture, spinal anesthesia
chest tube, sin contraste, sin cte, sin civ, sin y con, sin gadolinio, sin gd
sin iv, sin ni con, sin cm, sin cto, sin medio
"""

# Words that make the region before them (or, in Italian, French and Spanish, after them) a coil:
# "knee coil", "Head 32ch", "bobina testa".
COILS = "coil, coils, array, ch, channel, Spule, Spulen"
COILS_BEFORE = "bobina, bobine, antenna, antenne"

# What may follow an R or L in one word: "LKNEE". Few, as names (Romero, Reyes) look alike.
AFTER_SIDE_LETTER = "knee, hip, foot, hand, ankle, wrist, elbow, shoulder, femur, breast, thigh"

# Words between regions that belong together ("chest and abdomen"); words that count for nothing.
CONJUNCTIONS = "and, und, u, e, ed, et, y, plus"
FILLERS = "of, the, di, del, della, delle, dei, degli, dell, de, la, le, les, du, des, el, los, las"

# Sides. A strong word counts wherever it stands; one that also means something else (R, RT, li,
# der, DX the modality, Spanish sin) counts only beside the word of a paired region, or as the last
# word after one; those of SIDES_AFTER only after it.
SIDES = """
R = right, dextra, dexter, dextrum / destra, destro, destri, destre / rechts, rechte, rechter,
    rechten, rechtes / droit, droite, droits, droites / derecho, derecha, dcha, dcho
L = left, sinistra, sinister / sinistro, sinistri, sinistre, sx / links, linke, linker, linken,
    linkes / gauche, gauches / izquierdo, izquierda, izq, izqda, izqdo
B = bilateral, bilat, bilaterally / bilaterale, bilaterali / beidseits, beidseitig, beidseitige, bds
    / bilatérale, bilatérales, bilatéraux / bilaterales
"""
WEAK_SIDES = """
R = r, rt, rgt / / re / dte, drt / dch
L = l, lt, lft / sn / li / gche, gau, ghe / iz
B = both, bil / ambo, entrambi, entrambe / beide, beider / les deux / ambos, ambas
"""
SIDES_AFTER = """
R = / dx / / d, dt / der
L = / sin / / g /
"""
