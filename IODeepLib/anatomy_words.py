"""Words for the regions of `anatomy_table`, as they stand in protocol names and descriptions.

To add a word, add it to the line of its region:

    TERM = English, Latin, abbreviations / Italian / German / French / Spanish

Accents and capitals do not matter in the match, and German umlauts are also found as ae, oe, ue. A
phrase ("c spine") is found as "C-Spine", "c_spine" and "CSPINE". A star stands for any ending:
"Leber*" finds "Leberherd"; a German compound without it has to be listed. Where a word is ambiguous
between regions, the wider region stands ("leg" is the lower limb); where it is ambiguous with an
ordinary word, only phrases stand ("sein droit", since "sein" is also German "to be"; likewise
French rein, rate, main and face, German Haut, Italian anche, Spanish radio, English back).
"""

from __future__ import annotations

WORDS = """
# The whole, and regions made of several regions
WHOLEBODY = whole body, total body, wb, entire body, head to toe, vertex to toes / corpo intero,
    corpo totale / Ganzkörper* / corps entier / cuerpo entero, cuerpo completo
NECKCHESTABDPELV = skull base to mid thigh, skull base to thigh, skull to thigh, eyes to thighs,
    vertex to thigh, vertex to mid thigh, base of skull to mid thigh, base of skull to thigh,
    skull base to thighs, neck to pelvis / base cranio coscia / Schädelbasis bis Oberschenkel /
    base du crâne à mi cuisse / base cráneo a muslo
CHESTABDPELVIS = cap, chest to pelvis, c a p / / / tap, t a p
ABDOMENPELVIS = kub, bowel / / Darm
TRUNK = torso, trunk / tronco / Körperstamm, Rumpf / tronc
EXTREMITY = extremity, extremities, limb, limbs / estremità, arto, arti / Extremität, Extremitäten
    / extrémité, extrémités, membre, membres / extremidad, extremidades, miembro, miembros
PHANTOM = phantom / fantoccio / Phantom / fantôme / fantoma, fantasma

# Head
HEAD = head, caput, cct, cmrt / testa, capo, cranio, craniale / Kopf*, Schädel*, kraniell,
    kranial, kraniale, Neurocranium / tête, crâne, crânien, crânienne, crânio encéphalique /
    cabeza, cráneo, craneal, craneoencefálico
SKULL = skull, calvaria, skull base, base of skull, cranial vault / volta cranica, base cranica,
    base cranio, scatola cranica / Schädelbasis*, Schädeldach, Kalotte, Hirnschädel / voûte
    crânienne, base du crâne / base de cráneo, calota
TEMPORALBONE = temporal bone, temporal bones, petrous bone, petrous bones / rocca petrosa, rocche
    petrose, osso temporale, rocche / Felsenbein*, Schläfenbein* / rocher, rochers, os temporal /
    peñasco, peñascos, hueso temporal
MASTOID = mastoid, mastoids / mastoide, mastoidi / Mastoid*, Warzenfortsatz / mastoïde, mastoïdes
    / mastoides
SELLA = sella, sella turcica / sella turcica / Sella, Sellaregion / selle turcique / silla turca
FACE = facial, maxillofacial, ct face, mr face, mri face, face neck, face ct, face mri / volto,
    viso, faccia, facciale, massiccio facciale, maxillo facciale, maxillofacciale / Gesicht,
    Mittelgesicht / visage, massif facial, maxillo facial / cara, macizo facial, macizo
    craneofacial
FACIALBONES = facial bones, viscerocranium, face bones / ossa facciali, splancnocranio /
    Gesichtsschädel* / os de la face, os propres de la face / huesos faciales, huesos de la cara
NASALBONE = nasal bone, nasal bones / ossa nasali, ossa proprie del naso / Nasenbein / os propres
    du nez, os nasal / huesos propios, huesos nasales, huesos propios nasales
ZYGOMA = zygoma, zygomatic arch / zigomo, arcata zigomatica / Jochbein, Jochbogen / zygomatique /
    arco cigomático, malar
MAXILLA = maxilla, upper jaw / mascellare superiore / Oberkiefer* / maxillaire supérieur / maxilar
    superior
MANDIBLE = mandible, lower jaw / mandibola, mandibolare / Unterkiefer*, Mandibula / mandibule,
    maxillaire inférieur / mandíbula, maxilar inferior
JAW = jaw, jaws, opg, orthopantomogram, dentascan, panorex / mascella, mascellari,
    ortopantomografia, ortopanoramica, arcate dentarie, dentalscan / Kiefer, Orthopantomogramm /
    mâchoire, panoramique dentaire / ortopantomografía, panorámica dental
TMJ = tmj, temporomandibular joint, temporomandibular / atm, temporo mandibolare,
    temporomandibolare, temporomandibolari / Kiefergelenk* / temporo mandibulaire /
    temporomandibular
TOOTH = tooth, teeth, dental / dente, denti, dentale / Zahn, Zähne / dent, dents, dentaire /
    diente, dientes
NOSE = nose, nasal / naso, nasale / Nase / nez / nariz
PARANASALSINUS = sinus, sinuses, paranasal sinus, paranasal sinuses, maxillary sinus / seni
    paranasali, seno mascellare, seni mascellari / NNH, Nasennebenhöhlen, Nasennebenhöhle,
    Kieferhöhle, Kieferhöhlen / sinus de la face, sinus maxillaire / senos paranasales, senos
    maxilares
FRONTALSINUS = frontal sinus, frontal sinuses / seno frontale, seni frontali / Stirnhöhle,
    Stirnhöhlen / sinus frontal / seno frontal
MOUTH = mouth / bocca / Mund / bouche / boca
ORALCAVITY = oral cavity / cavità orale, cavo orale / Mundhöhle, Mundboden / cavité buccale /
    cavidad oral
TONGUE = tongue / lingua / Zunge, Zungengrund / langue / lengua
SALIVARYGLAND = salivary gland, salivary glands / ghiandole salivari / Speicheldrüse,
    Speicheldrüsen / glandes salivaires / glándulas salivales
PAROTID = parotid, parotids, parotid gland / parotide, parotidi / Parotis, Ohrspeicheldrüse /
    parotide, parotides / parótida, parótidas
SUBMANDIBULAR = submandibular gland, submandibular glands / ghiandola sottomandibolare /
    Unterkieferspeicheldrüse / glande sous maxillaire / glándula submandibular
ORBIT = orbit, orbits, orbital, orbita, orbitae / orbita, orbite / Orbita / orbite, orbites /
    órbita, órbitas
EYE = eye, eyes, ocular / occhio, occhi, oculare / Auge, Augen / œil, yeux, oculaire / ojo, ojos
RETINA = retina, retinal, fundus photography, fundus photo, oct macula / retinica, maculare /
    Netzhaut / rétine, rétinienne / retiniana
CORNEA = cornea, corneal / corneale / Hornhaut / cornée, cornéenne / córnea
OPTICNERVE = optic nerve, optic nerves / nervo ottico, nervi ottici / Sehnerv, Sehnerven / nerf
    optique, nerfs optiques / nervio óptico, nervios ópticos
OPTICDISC = optic disc, optic disk, optic nerve head / papilla ottica / Papille / papille optique
    / papila óptica
EAR = ear, ears / orecchio, orecchie / Ohr, Ohren / oreille, oreilles / oído, oídos, oreja
MIDDLEEAR = middle ear / orecchio medio / Mittelohr / oreille moyenne / oído medio
INNEREAR = inner ear / orecchio interno / Innenohr / oreille interne / oído interno
IAC = iac, internal auditory canal, internal auditory canals, internal auditory meatus,
    cerebellopontine angle, cp angle / condotto uditivo interno, condotti uditivi interni, angolo
    ponto cerebellare / innerer Gehörgang, KHBW, Kleinhirnbrückenwinkel / conduit auditif interne,
    conduits auditifs internes, angle ponto cérébelleux / conducto auditivo interno, conductos
    auditivos internos, cai, ángulo pontocerebeloso

# Brain
BRAIN = brain, cerebrum, cerebral, encephalon, intracerebral / encefalo, encefalico, cervello,
    cerebrale, cerebrali / Gehirn*, Hirn, zerebral, zerebrale, Enzephalon / cerveau, cérébral,
    cérébrale, encéphale, encéphalique / cerebro, encéfalo, encefálico, encefálica
INTRACRANIAL = intracranial / intracranico, intracranica, endocranico, endocranio / intrakraniell,
    intrakranielle / intracrânien, intracrânienne / intracraneal
MENINGES = meninges / meningi / Meningen, Hirnhaut, Hirnhäute / méninges / meninges
HIPPOCAMPUS = hippocampus, hippocampi, hippocampal / ippocampo, ippocampi / Hippokampus /
    hippocampe, hippocampes / hipocampo, hipocampos
TEMPORALLOBE = temporal lobe, temporal lobes / lobo temporale, lobi temporali / Temporallappen /
    lobe temporal / lóbulo temporal
FRONTALLOBE = frontal lobe / lobo frontale / Frontallappen / lobe frontal / lóbulo frontal
PARIETALLOBE = parietal lobe / lobo parietale / Parietallappen / lobe pariétal / lóbulo parietal
OCCIPITALLOBE = occipital lobe / lobo occipitale / Okzipitallappen / lobe occipital / lóbulo
    occipital
PITUITARY = pituitary, hypophysis / ipofisi, ipofisario, ipofisaria / Hypophyse* / hypophyse,
    hypophysaire / hipófisis, hipofisaria
BRAINSTEM = brain stem, brainstem / tronco encefalico, tronco encefalo / Hirnstamm / tronc
    cérébral / tronco cerebral, tronco encéfalo
CEREBELLUM = cerebellum, cerebellar / cervelletto, cerebellare / Kleinhirn, Zerebellum / cervelet
    / cerebelo
THALAMUS = thalamus, thalami / talamo / Thalamus / / tálamo
CORPUSCALLOSUM = corpus callosum / corpo calloso / / corps calleux / cuerpo calloso

# Neck
NECK = neck, cervical, collum, cervicofacial / collo, cervicale / Hals, Halsweichteile, zervikal /
    cou, cervical, cervicale, parties molles du cou / cuello
NASOPHARYNX = nasopharynx, epipharynx, cavum / rinofaringe, nasofaringe / Nasopharynx, Nasenrachen
    / rhinopharynx, nasopharynx / nasofaringe, rinofaringe
OROPHARYNX = oropharynx / orofaringe / Oropharynx / oropharynx / orofaringe
HYPOPHARYNX = hypopharynx / ipofaringe / Hypopharynx / hypopharynx / hipofaringe
PHARYNX = pharynx, pharyngeal / faringe / Rachen / pharynx / faringe
LARYNX = larynx, laryngeal / laringe, laringeo / Kehlkopf* / larynx / laringe
THYROID = thyroid / tiroide, tiroideo / Schilddrüse* / thyroïde / tiroides, tiroideo
PARATHYROID = parathyroid, parathyroids / paratiroide, paratiroidi / Nebenschilddrüse* /
    parathyroïde, parathyroïdes / paratiroides

# Spine
SPINE = spine, spinal, vertebral column, whole spine, total spine, cervical thoracic lumbar spine,
    c t l spine, cervical thoracic and lumbar spine / colonna, rachide, colonna vertebrale,
    vertebrale / Wirbelsäule*, GWS, Wirbelkörper, spinal, spinale / rachis, colonne, colonne
    vertébrale, rachidien / columna, columna vertebral, raquis
CSPINE = c spine, cervical spine, cx spine, cervical vertebrae, cervical lat, cervical obli /
    rachide cervicale, colonna cervicale, vertebre cervicali, tratto cervicale, rx cervicale /
    HWS, Halswirbelsäule, Halswirbel / rachis cervical, colonne cervicale, vertèbres cervicales /
    columna cervical, raquis cervical, vértebras cervicales
CTSPINE = cervicothoracic spine, cervical and thoracic spine, cervico thoracic spine / rachide
    cervico dorsale, rachide cervicodorsale, colonna cervico dorsale / zervikothorakaler Übergang
    / rachis cervico dorsal, rachis cervico thoracique / columna cervicodorsal
TSPINE = t spine, thoracic spine, dorsal spine, thoracic vertebrae / rachide dorsale, rachide
    toracico, colonna dorsale, colonna toracica, tratto dorsale / BWS, Brustwirbelsäule,
    Brustwirbel / rachis dorsal, rachis thoracique, colonne dorsale, colonne thoracique / columna
    dorsal, columna torácica, raquis dorsal
TLSPINE = t l spine, tl spine, thoracic and lumbar spine, thoracolumbar, thoracolumbar spine,
    thoraco lumbar, thoraco lumbar spine, thoraco lumbo sacral / dorso lombare, dorsolombare,
    rachide dorso lombare, rachide dorsolombare, rachide dorso lombo sacrale / thorakolumbal,
    thorakolumbaler Übergang / dorso lombaire, rachis dorso lombaire, thoraco lombaire / columna
    dorsolumbar, dorsolumbar, toracolumbar, columna dorso lumbar
LSPINE = l spine, lumbar spine, lumbar, lumbar vertebrae / rachide lombare, colonna lombare,
    lombare, tratto lombare / LWS, Lendenwirbelsäule, Lendenwirbel, lumbal, lumbale / rachis
    lombaire, colonne lombaire, lombaire / columna lumbar, raquis lumbar
LSSPINE = l s spine, ls spine, lumbosacral spine, lumbosacral, lumbo sacral, lumbo sacral spine /
    lombosacrale, lombo sacrale, rachide lombosacrale, rachide lombo sacrale, colonna ls, colonna
    lombo sacrale, rachide ls / lumbosakral, LWS ISG, LWS Sacrum / lombosacré, lombo sacré,
    lombosacrée, lombo sacrée, rachis lombosacré, rachis lombo sacré / lumbosacra, lumbosacro,
    columna lumbosacra, columna ls, columna lumbo sacra
SSPINE = sacrum, sacral spine, s spine, sacral / sacro, sacrale / Kreuzbein, Sakrum, Os sacrum /
    sacrum / sacro
SACROCOCCYGEAL = sacrococcygeal, sacrum coccyx, sacrum and coccyx, sacro coccygeal /
    sacrococcigeo, sacro coccige, sacrococcige / Kreuzbein Steißbein, Sakrum Steißbein / sacro
    coccyx, sacrum coccyx / sacrocoxis, sacro coxis, sacrocóccix, sacro cóccix
COCCYX = coccyx / coccige / Steißbein* / coccyx / cóccix, coxis
SIJOINT = si joint, si joints, sacroiliac, sacroiliac joint, sacroiliac joints, sij / sacroiliaca,
    sacroiliache, sacro iliaca, sacro iliache, articolazioni sacroiliache / ISG, IS Gelenk,
    Iliosakralgelenk*, Sakroiliakalgelenk* / sacro iliaque, sacro iliaques, sacroiliaques,
    sacroiliaque / sacroiliaca, sacroilíacas, sacro ilíacas
SPINALCORD = spinal cord, myelon, cord compression / midollo, midollo spinale / Rückenmark, Myelon
    / moelle, moelle épinière, irm médullaire / médula, médula espinal

# Chest
CHEST = chest, thorax, thoracic, thorac, thor, thx, tx, cxr, thoraco / torace, toracico, toracica,
    petto, toraco / Brustkorb, Thorax*, thorakal, thorakale / poitrine, thoracique / tórax,
    torácico, pecho
CHESTWALL = chest wall / parete toracica / Thoraxwand / paroi thoracique / pared torácica
BREAST = breast, breasts, mammary, mammo, mammogram, mammography, cesm, dbt / mammella, mammelle,
    mammaria, mammarie, mammografia, mammografie, seno / Brust, Mamma, Mammae, Mammographie,
    Mammakarzinom / sein droit, sein gauche, seins, irm sein, irm des seins, mammaire, mammaires,
    mammographie / mama, mamas, mamario, mamaria, mamografía
AXILLA = axilla, axillary, axillae / ascella, ascellare, cavo ascellare / Achsel, Axilla /
    aisselle, creux axillaire / axila
RIB = rib, ribs / costa, coste, costole, emicostato / Rippe, Rippen, Hemithorax / gril costal,
    côtes droites, côtes gauches, radio côtes, rx côtes / costilla, costillas, parrilla costal
STERNUM = sternum, sternal / sterno / Brustbein / sternum / esternón
CLAVICLE = clavicle, clavicles / clavicola, clavicole / Klavikula, Clavicula, Schlüsselbein /
    clavicule, clavicules / clavícula, clavículas
SCAPULA = scapula, scapulae / scapola, scapole / Skapula, Schulterblatt / omoplate, scapula /
    escápula, omóplato
SCJOINT = sc joint, sc joints, sternoclavicular / sternoclavicolare, sterno claveare,
    sternoclaveare / SC Gelenk, Sternoklavikulargelenk / sterno claviculaire / esternoclavicular
LUNG = lung, lung tx, lungs, pulmonary, pulmo / polmone, polmoni, polmonare, polmonari / Lunge*,
    pulmonal, pulmonale / poumon, poumons, pulmonaire, pulmonaires / pulmón, pulmones, pulmonar
LUNGUPPERLOBE = upper lobe / lobo superiore / Oberlappen / lobe supérieur / lóbulo superior
LUNGMIDDLELOBE = middle lobe / lobo medio / Mittellappen / lobe moyen / lóbulo medio
LUNGLOWERLOBE = lower lobe / lobo inferiore / Unterlappen / lobe inférieur / lóbulo inferior
LUNGAPEX = apex of lung, lung apex, lung apices / apice polmonare, apici polmonari / Lungenspitze
    / apex pulmonaire, apex pulmonaires / ápex pulmonar, vértice pulmonar
PLEURA = pleura, pleural / pleurico, pleurica / Rippenfell / plèvre, pleural / pleura
MEDIASTINUM = mediastinum, mediastinal / mediastino / Mediastinum / médiastin / mediastino
TRACHEA = trachea, tracheal, airways / vie aeree / Luftröhre / trachée / tráquea
BRONCHUS = bronchus, bronchi, bronchial / bronco, bronchi / Bronchien, Bronchus / bronche,
    bronches / bronquio, bronquios
ESOPHAGUS = esophagus, oesophagus, esophageal, barium swallow / esofago, esofageo / Ösophagus*,
    Speiseröhre / œsophage, transit œsophagien / esófago
DIAPHRAGM = diaphragm / diaframma / Zwerchfell / diaphragme / diafragma
THYMUS = thymus / timo / Thymus / thymus / timo

# Heart
HEART = heart, heart tx, cardiac, cardio, cmr / cuore, cardiaco, cardiaca, cardio / Herz, kardial,
    kardiale, Kardio / cœur, cardiaque, cardio / corazón, cardíaco, cardíaca, cardiaco
PERICARDIUM = pericardium, pericardial / pericardio / Perikard, Herzbeutel / péricarde /
    pericardio
LATRIUM = left atrium, left atrial / atrio sinistro / linker Vorhof / oreillette gauche / aurícula
    izquierda
RATRIUM = right atrium, right atrial / atrio destro / rechter Vorhof / oreillette droite /
    aurícula derecha
LVENTRICLE = left ventricle, left ventricular / ventricolo sinistro / linker Ventrikel,
    linksventrikulär / ventricule gauche / ventrículo izquierdo
RVENTRICLE = right ventricle, right ventricular / ventricolo destro / rechter Ventrikel,
    rechtsventrikulär / ventricule droit / ventrículo derecho
AORTICVALVE = aortic valve / valvola aortica / Aortenklappe* / valve aortique / válvula aórtica
MITRALVALVE = mitral valve / valvola mitrale / Mitralklappe* / valve mitrale / válvula mitral
CORONARYARTERY = coronary, coronaries, coronary artery, coronary arteries, calcium score, ca
    score, cacs, smartscore, cta coronary, ccta, cor cta, cor ct / coronarie, coronarica,
    coronarico, coronarografia, arterie coronarie, coro tc / Koronarien, Herzkranzgefäße,
    Koronararterie*, Koronarkalk*, Koronarangio*, Koronar CT, Koronar CTA / coronaire, coronaires,
    coroscanner, score calcique / coronarias, coronaria, score cálcico, arterias coronarias

# Abdomen
ABDOMEN = abdomen, abdominal, abd, abdo, abdomino / addome, addominale, addominali, addomino /
    Bauch, abdominell, abdominelle / ventre, abdominale, asp / vientre, abdominal
UPPERABDOMEN = upper abdomen, upper abdominal / addome superiore / Oberbauch / abdomen supérieur,
    étage supérieur / abdomen superior, hemiabdomen superior
LIVER = liver, liver tx, hepatic, hepar, liver segments, hepatobiliary / fegato, epatico, epatica,
    epatiche, epato, epatobiliare / Leber*, hepatisch, hepatische / foie, hépatique, hépatiques,
    hépato / hígado, hepático, hepática, hepatobiliar
BILIARYTRACT = mrcp, biliary, biliary tract, bile ducts, bile duct, cholangio, cholangiography /
    vie biliari, biliare, biliari, colangio, colangiografia, colangiorm, wirsung / Gallenwege,
    Gallengang, Gallengänge, MRCP / voies biliaires, biliaire, cholangio irm, bili irm / vía
    biliar, vías biliares, colangio, colangiorm, colangiografía
COMMONBILEDUCT = common bile duct, cbd, choledochus / coledoco / Choledochus, Ductus choledochus /
    cholédoque / colédoco
GALLBLADDER = gallbladder, gall bladder / colecisti, cistifellea / Gallenblase* / vésicule
    biliaire / vesícula biliar, vesícula
PANCREAS = pancreas, pancreatic, pancreatic head, pancreas head, head pancreas, pancreatic neck /
    pancreatico, pancreatica, testa pancreas / Pankreas*, Bauchspeicheldrüse / pancréas,
    pancréatique, tête pancréas / páncreas, pancreático, pancreática, cabeza páncreas
SPLEEN = spleen, splenic / milza, splenico, splenica / Milz* / splénique / bazo, esplénico
ADRENAL = adrenal, adrenals, adrenal gland, adrenal glands, suprarenal / surrene, surreni,
    surrenalico / Nebenniere* / surrénale, surrénales, surrénalien / suprarrenal, suprarrenales,
    adrenales
RETROPERITONEUM = retroperitoneum, retroperitoneal / retroperitoneo, retroperitoneale /
    Retroperitoneum / rétropéritoine / retroperitoneo
PERITONEUM = peritoneum, peritoneal / peritoneo / Bauchfell / péritoine / peritoneo
RUQ = ruq, right upper quadrant
LUQ = luq, left upper quadrant
RLQ = rlq, right lower quadrant
LLQ = llq, left lower quadrant
EPIGASTRIC = epigastric, epigastrium / epigastrio / Epigastrium / épigastre / epigastrio
UGITRACT = upper gi, ugi, barium meal / prime vie digerenti, tubo digerente / Magen Darm Passage /
    togd, transit œso gastro duodénal / tránsito esofagogastroduodenal, tegd
STOMACH = stomach, gastric / stomaco, gastrico, gastrica / Magen / estomac, gastrique / estómago,
    gástrico
DUODENUM = duodenum, duodenal / duodeno / Zwölffingerdarm / duodénum / duodeno
SMALLINTESTINE = small bowel, small intestine, enterography, enteroclysis, mr enterography, sbft /
    intestino tenue, piccolo intestino, enterografia, entero rm, entero tc / Dünndarm*, Sellink,
    Enteroklysma / intestin grêle, grêle, entéro irm, entéro scanner / intestino delgado,
    enterografía, entero rm, entero tc
LARGEINTESTINE = large bowel, large intestine / intestino crasso, grosso intestino / Dickdarm /
    gros intestin / intestino grueso
COLON = colon, colonic, colonography, colonoscopy, barium enema / colon, colonscopia, colonscopia
    virtuale, colonografia, clisma opaco / Kolon, Kolonkarzinom / côlon, coloscanner, coloscopie
    virtuelle, lavement baryté / colonoscopia, colonografía
SIGMOID = sigmoid, sigmoid colon / sigma, colon sigmoideo / Sigma / sigmoïde / sigmoides
APPENDIX = appendix, appendiceal / appendice / Blinddarm / appendice / apéndice
RECTUM = rectum, rectal / retto, rettale / Rektum*, rektal, Enddarm / rectum / recto, rectal
ANUS = anus, anal, anal canal, perianal / ano rettale, canale anale, perianale, anale / Analkanal,
    perianal / canal anal, périanale, marge anale / canal anal, perianal

# Urinary tract
URINARYTRACT = urinary tract, urogram, urography, ivu, ivp, ct urography, ctu / vie urinarie,
    apparato urinario, urografia, uro tc, uro rm, urinario / Harnwege, Harntrakt, Urographie, Uro
    CT / voies urinaires, uroscanner, uro scanner, appareil urinaire, uro irm / vías urinarias,
    urografía, aparato urinario, uro tac
KIDNEY = kidney, kidney tx, renal tx, kidneys, renal / rene, reni, renale, renali / Niere, Nieren,
    Nierenstein*, Nierenkolik*, renale / reins, rein droit, rein gauche, rénal, rénale, rénales /
    riñón, riñones, renal
RENALPELVIS = renal pelvis / pelvi renale, pelvi renali, pelvis renale / Nierenbecken* / bassinet
    / pelvis renal
URETER = ureter, ureters / uretere, ureteri / Ureter, Harnleiter / uretère, uretères / uréter
BLADDER = bladder, urinary bladder, cystogram, cystography, bladder neck / vescica, vescicale,
    cistografia / Harnblase*, Blase, Zystogramm / vessie, vésical, cystographie / vejiga,
    cistografía
URETHRA = urethra, urethrography, urethrogram / uretra, uretrografia / Harnröhre, Urethra /
    urètre, urétrographie / uretra, uretrografía

# Pelvis
PELVIS = pelvis, pelvic, pel, pelv, lower abdomen, pelvi / bacino, pelvico, pelvica, pelvi, addome
    inferiore, scavo pelvico, piccolo bacino / Becken*, Unterbauch / bassin, pelvien, pelvienne,
    petit bassin / pelvis, pélvico, pélvica, pelviano, hemiabdomen inferior
INGUINAL = groin, inguinal / inguine, inguinale / Leiste, Leistenhernie, Leistenregion, inguinal /
    aine, inguinale / ingle, inguinal
PERINEUM = perineum, perineal / perineo, perineale / Perineum / périnée, périnéale / periné
BUTTOCK = buttock, buttocks, gluteal / gluteo, glutei / Gesäß / fesse, fesses / glúteo, nalga
ACETABULUM = acetabulum, acetabular / acetabolo / Azetabulum, Hüftpfanne / acétabulum, cotyle /
    acetábulo
SYMPHYSISPUBIS = pubic symphysis, symphysis pubis, symphysis, pubis / sinfisi pubica, pube /
    Symphyse* / symphyse pubienne / sínfisis, sínfisis púbica
ILIUM = ilium, iliac crest / ala iliaca, cresta iliaca / Os ilium, Beckenkamm / aile iliaque /
    cresta ilíaca
PROSTATE = prostate, prostatic, pirads / prostata, prostatica, prostatico / Prostata* / prostate,
    prostatique / próstata, prostático, prostática
SEMVESICLE = seminal vesicle, seminal vesicles / vescicola seminale, vescicole seminali /
    Samenblase, Samenblasen / vésicule séminale, vésicules séminales / vesículas seminales
SCROTUM = scrotum, scrotal / scroto, scrotale / Skrotum, Hodensack / scrotum, bourses / escroto,
    escrotal
TESTIS = testis, testes, testicle, testicles, testicular / testicolo, testicoli, testicolare /
    Hoden / testicule, testicules / testículo, testículos
PENIS = penis, penile / pene / Penis / pénis / pene
UTERUS = uterus, uterine / utero, uterino / Uterus, Gebärmutter / utérus, utérin / útero, uterino
ENDOMETRIUM = endometrium / endometrio / Endometrium / endomètre / endometrio
CERVIX = cervix, cervix uteri, cervical cancer, cervical carcinoma / cervice uterina, collo
    uterino, collo utero, cervice / Zervix, Zervixkarzinom, Gebärmutterhals / col utérin, col
    utérus / cérvix, cuello uterino, cuello útero
OVARY = ovary, ovaries, ovarian / ovaio, ovaie, ovarico / Ovar, Ovarien, Eierstock, Eierstöcke /
    ovaire, ovaires / ovario, ovarios
VAGINA = vagina, vaginal / vaginale / Vagina, Scheide / vagin / vagina
VULVA = vulva / vulva / Vulva / vulve / vulva
FETUS = fetus, fetal, foetal, obstetric, obstetrical / feto, fetale, ostetrica / Fetus, fetal,
    Fötus, fötal / fœtus, fœtal, fœtale, obstétricale / feto, fetal, obstétrica
PLACENTA = placenta / placenta / Plazenta / placenta / placenta

# Upper limb
UPPERLIMB = upper limb, upper limbs, upper extremity, upper extremities, arm, arms, up exm, upper
    ext / arto superiore, arti superiori, estremità superiore / Arm, obere Extremität, obere
    Extremitäten / membre supérieur, membres supérieurs / miembro superior, miembros superiores,
    extremidad superior, mmss
SHOULDER = shoulder, shoulders, shldr / spalla, spalle, scapolo omerale, scapolomerale / Schulter*
    / épaule, épaules, scapulo humérale / hombro, hombros
ACJOINT = ac joint, ac joints, acromioclavicular / acromioclavicolare, acromion claveare,
    acromioclaveare / AC Gelenk, Akromioklavikulargelenk / acromio claviculaire /
    acromioclavicular
UPPERARM = upper arm / braccio, braccia / Oberarm* / bras / brazo, brazos
HUMERUS = humerus, humeral, humeral head, head humerus / omero, omerale, testa omero, testa
    omerale / Humerus* / humérus, huméral, tête humérale / húmero, humeral
ELBOW = elbow, elbows / gomito, gomiti / Ellbogen*, Ellenbogen* / coude, coudes / codo, codos
FOREARM = forearm, fore arm, forearms / avambraccio, avambracci / Unterarm* / avant bras /
    antebrazo, antebrazos
RADIUSULNA = radius ulna, radius and ulna / radio ulna, radio e ulna / Radius Ulna / radius
    cubitus, deux os avant bras / cúbito y radio, radio y cúbito
RADIUS = radius, radial head / radio distale, capitello radiale / Speiche, Radius* / tête radiale
    / radio distal
ULNA = ulna, ulnar / / Ulna / cubitus / cúbito
WRIST = wrist, wrists / polso, polsi / Handgelenk* / poignet, poignets / muñeca, muñecas
CARPUS = carpus, carpal / carpo / Karpus, Handwurzel* / carpe / carpo
SCAPHOID = scaphoid / scafoide carpale / Skaphoid, Kahnbein / scaphoïde / escafoides
HAND = hand, hands, bone age / mano, mani, età ossea / Hand, Hände, Mittelhand, Knochenalter /
    main droite, main gauche, mains, irm main, radio main, rx main, âge osseux / mano, manos, edad
    ósea
FINGER = finger, fingers / dita, dito mano, dita mano / Finger, Zeigefinger, Mittelfinger,
    Ringfinger, Kleinfinger / doigt, doigts / dedo, dedos, dedo mano
THUMB = thumb, thumbs / pollice, pollici / Daumen* / pouce, pouces / pulgar

# Lower limb
LOWERLIMB = lower limb, lower limbs, lower extremity, lower extremities, leg, legs, low exm, lower
    ext, runoff, run off, leg length / arto inferiore, arti inferiori, estremità inferiore, gambe
    / Bein, Beine, Ganzbein*, untere Extremität, untere Extremitäten / membre inférieur, membres
    inférieurs, jambes / miembro inferior, miembros inferiores, extremidad inferior, mmii, piernas
HIP = hip, hips, coxa, coxofemoral / anca, rx anche, tc anche, rm anche, anche bilaterali, bacino
    anche, coxofemorale, coxofemorali / Hüft* / hanche, hanches, coxo fémorale / cadera, caderas,
    coxofemoral
THIGH = thigh, thighs / coscia, cosce / Oberschenkel* / cuisse, cuisses / muslo, muslos
FEMUR = femur, femora, femoral neck, neck femur, femoral head, head femur / femore, femori, collo
    femore, collo femorale, testa femore, testa femorale, teste femorali / Femur*, Schenkelhals,
    Hüftkopf / fémur, fémurs, col fémoral, col fémur, tête fémorale / fémur, fémures, cuello
    femoral, cuello fémur, cabeza femoral
KNEE = knee, knees / ginocchio, ginocchia / Knie* / genou, genoux / rodilla, rodillas
PATELLA = patella, patellae, patellar / rotula, rotulea, femoro rotulea / Patella*, Kniescheibe /
    rotule, rotules, fémoro patellaire, fémoropatellaire / rótula, rótulas
LOWERLEG = lower leg, tib fib, shin / gamba / Unterschenkel* / jambe / pierna
CALF = calf, calves / polpaccio, polpacci / Wade, Waden / mollet, mollets / pantorrilla, gemelos
TIBIAFIBULA = tibia fibula, tibia and fibula / tibia perone, tibia e perone / Tibia Fibula / tibia
    péroné / tibia y peroné
TIBIA = tibia, tibial / tibiale / Schienbein, Tibia* / tibia / tibia
FIBULA = fibula, fibular / perone / Wadenbein, Fibula* / péroné / peroné
ANKLE = ankle, ankles / caviglia, caviglie, tibiotarsica, tibio tarsica, tibiotarsiche /
    Sprunggelenk*, OSG, Knöchel, oberes Sprunggelenk / cheville, chevilles, tibio tarsienne /
    tobillo, tobillos
ACHILLESTENDON = achilles, achilles tendon / tendine achilleo, achilleo, tendine achille /
    Achillessehne* / tendon achille / tendón de aquiles, aquiles
FOOT = foot, feet / piede, piedi, avampiede, retropiede / Fuß, Füße, Mittelfuß, Vorfuß, Rückfuß /
    pied, pieds, avant pied / pie, pies, antepié
TALUS = talus, talar / astragalo / Talus, Sprungbein / astragale / astrágalo
CALCANEUS = calcaneus, calcaneum, calcaneal, heel, os calcis / calcagno, calcaneare, tallone /
    Kalkaneus, Fersenbein, Ferse / calcanéum, calcanéus, talon / calcáneo, talón
TARSUS = tarsus, tarsal / tarso / Fußwurzel*, Tarsus / tarse / tarso
METATARSUS = metatarsus, metatarsal, metatarsals / metatarso / Metatarsus / métatarse / metatarso
TOE = toe, toes, hallux / dito piede, dita piede, alluce / Zehe, Zehen, Großzehe / orteil, orteils
    / dedo pie, dedos pie, hallux

# Throughout the body
SKIN = skin, cutaneous, dermoscopy, dermatoscopy / pelle, dermatoscopia, cutaneo / Dermatoskopie /
    peau, dermoscopie / piel, dermatoscopia
LYMPHNODE = lymph node, lymph nodes, lymphadenopathy / linfonodo, linfonodi / Lymphknoten /
    ganglion lymphatique, ganglions lymphatiques / ganglio linfático, ganglios linfáticos

# Vessels
CIRCLEOFWILLIS = circle of willis, willis / poligono di willis / Circulus Willisii / polygone de
    willis / polígono de willis
CAROTID = carotid, carotids, carotid arteries, carotid artery, supraaortic / carotide, carotidi,
    carotideo, tsa, tronchi sovraaortici, tronchi sovra aortici, vasi epiaortici / Karotis,
    Karotiden, Carotis, Carotiden, Halsgefäße, supraaortal, supraaortale / carotides, carotidien,
    troncs supra aortiques, troncs supraaortiques / carótida, carótidas, troncos supraaórticos,
    troncos supra aórticos
VERTEBRALA = vertebral artery, vertebral arteries / arteria vertebrale, arterie vertebrali /
    Vertebralarterie, Arteria vertebralis, Vertebralis / artère vertébrale, artères vertébrales /
    arteria vertebral, arterias vertebrales
AORTA = aorta, aortic / aortico, aortica / Aorten* / aorte, aortique / aórtico, aórtica
THORACICAORTA = thoracic aorta / aorta toracica / thorakale Aorta, Aorta thoracica / aorte
    thoracique / aorta torácica
ASCAORTA = ascending aorta / aorta ascendente / Aorta ascendens / aorte ascendante / aorta
    ascendente
AORTICARCH = aortic arch, arch of aorta / arco aortico / Aortenbogen / crosse aortique / arco
    aórtico, cayado aórtico
ABDOMINALAORTA = abdominal aorta, aaa / aorta addominale / Bauchaorta, Aorta abdominalis,
    abdominelle Aorta / aorte abdominale / aorta abdominal
PULMONARYA = pulmonary artery, pulmonary arteries, ctpa, pulmonary embolism / arteria polmonare,
    arterie polmonari, embolia polmonare, angio polmonare / Pulmonalarterie*, Pulmonalis,
    Lungenembolie*, Lungenarterie* / artère pulmonaire, artères pulmonaires, embolie pulmonaire,
    angioscanner pulmonaire / arteria pulmonar, arterias pulmonares, embolia pulmonar, tep
    pulmonar
PULMONARYV = pulmonary vein, pulmonary veins / vena polmonare, vene polmonari / Pulmonalvene*,
    Lungenvene* / veine pulmonaire, veines pulmonaires / vena pulmonar, venas pulmonares
SVC = superior vena cava / vena cava superiore / Vena cava superior, obere Hohlvene / veine cave
    supérieure / vena cava superior
INFVENACAVA = inferior vena cava, ivc / vena cava inferiore / Vena cava inferior, untere Hohlvene
    / veine cave inférieure / vena cava inferior
PORTALV = portal vein / vena porta / Pfortader*, Vena portae / veine porte / vena porta
HEPATICV = hepatic vein, hepatic veins / vene sovraepatiche / Lebervene* / veines sus hépatiques /
    venas suprahepáticas
HEPATICA = hepatic artery / arteria epatica / Leberarterie* / artère hépatique / arteria hepática
SMA = superior mesenteric artery / arteria mesenterica superiore / Arteria mesenterica superior /
    artère mésentérique supérieure / arteria mesentérica superior
RENALA = renal artery, renal arteries / arteria renale, arterie renali / Nierenarterie* / artère
    rénale, artères rénales / arteria renal, arterias renales
ILIACA = iliac artery, iliac arteries / arteria iliaca, arterie iliache / Beckenarterie* / artère
    iliaque, artères iliaques / arteria ilíaca, arterias ilíacas
FEMORALA = femoral artery, femoral arteries / arteria femorale, arterie femorali / Femoralarterie,
    Femoralis / artère fémorale / arteria femoral
POPLITEALA = popliteal artery / arteria poplitea / Poplitealarterie / artère poplitée / arteria
    poplítea
"""

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
