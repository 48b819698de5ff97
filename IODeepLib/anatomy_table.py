"""Anatomic regions: one line each, with their codes and their place in the body.

After DICOM PS3.16 Annex L, Table L-1 (Body Part Examined terms with their SNOMED CT codes, edition
2026b), CID 4031 "Common Anatomic Region" and, for organs and structures that networks commonly
segment, CID 7151 and the groups it includes.

To add a region, add a line:

    TERM | SNOMED CT code | SNOMED RT code or - | P or - | meaning | parents ~ partly in

- TERM is a Body Part Examined term (at most 16 characters). A star marks a term that Annex L does
  not have; it names the region here, but Body Part Examined gets the nearest term that Annex L has.
- The SNOMED RT code is what the same concept was before 2017 (schemes SRT, SNM3 and 99SDM).
- P: there is a right and a left one.
- parents: the regions whose image shows this one whole. Not only anatomy: an image of the skull
  shows the brain, one of the chest the thoracic spine.
- partly in, after ~: the regions whose image shows some of it (the aorta in the chest).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

REGIONS = """
# The whole, and regions made of several regions
WHOLEBODY        | 38266002   | T-D0010 | - | Entire body |
HEADNECK         | 774007     | T-D1000 | - | Head and Neck | WHOLEBODY
NECKCHEST        | 417437006  | R-FAB52 | - | Neck and Chest | NECKCHESTABDOMEN
NECKCHESTABDOMEN | 416152001  | R-FAB53 | - | Neck, Chest and Abdomen | NECKCHESTABDPELV
NECKCHESTABDPELV | 416319003  | R-FAB54 | - | Neck, Chest, Abdomen and Pelvis | WHOLEBODY
TRUNK            | 22943007   | T-D2000 | - | Trunk | NECKCHESTABDPELV
UPPERTRUNK       | 67734004   | T-D2010 | - | Upper trunk | TRUNK
LOWERTRUNK       | 63337009   | T-D2020 | - | Lower trunk | TRUNK
CHESTABDPELVIS   | 416775004  | R-FAB56 | - | Chest, Abdomen and Pelvis | TRUNK
CHESTABDOMEN     | 416550000  | R-FAB55 | - | Chest and Abdomen | CHESTABDPELVIS, NECKCHESTABDOMEN
ABDOMENPELVIS    | 818982008  | -       | - | Abdomen and Pelvis | LOWERTRUNK, CHESTABDPELVIS
PELVISLOWEXTREMT | 1231522001 | -       | - | Pelvis and lower extremities | WHOLEBODY
SPINECRANIUM*    | 110517009  | T-11011 | - | Vertebral column and cranium | WHOLEBODY
EXTREMITY        | 66019005   | T-D0300 | P | Extremity | WHOLEBODY
PHANTOM          | 706342009  | R-FE0C7 | - | Phantom |

# Head
HEAD             | 69536005   | T-D1100 | - | Head | HEADNECK
SKULL            | 89546000   | T-11100 | - | Skull | HEAD, SPINECRANIUM
SCALP            | 41695006   | T-D1160 | - | Scalp | HEAD
FONTANEL         | 79361005   | T-15200 | - | Fontanel of skull | SKULL
FRONTALBONE*     | 74872008   | T-11110 | - | Frontal bone | SKULL
PARIETALBONE*    | 24924006   | T-11120 | P | Parietal bone | SKULL
OCCIPITALBONE*   | 31640002   | T-11140 | - | Occipital bone | SKULL
SPHENOIDBONE*    | 73117003   | T-11150 | - | Sphenoid bone | SKULL
ETHMOIDBONE*     | 52374004   | T-11156 | - | Ethmoid bone | SKULL
TEMPORALBONE*    | 60911003   | T-11130 | P | Temporal Bone | SKULL
MASTOID          | 59066005   | T-11133 | P | Mastoid bone | TEMPORALBONE
SELLA            | 42575006   | T-D1460 | - | Sella turcica | SKULL
INTRACRANIAL     | 1101003    | T-D1400 | - | Cranial cavity | SKULL, HEAD
FACE             | 89545001   | T-D1200 | - | Face | HEAD
FACIALBONES*     | 91397008   | T-11196 | - | Facial bones | FACE
NASALBONE*       | 74386004   | T-11149 | P | Nasal bone | FACIALBONES, NOSE
ZYGOMA           | 13881006   | T-11166 | P | Zygoma | FACIALBONES
MAXILLA          | 70925003   | T-11170 | P | Maxilla | FACIALBONES, JAW
MANDIBLE         | 91609006   | T-11180 | - | Mandible | FACIALBONES, JAW
JAW              | 661005     | T-D1213 | - | Jaw region | FACE
TMJ              | 53620006   | T-15290 | P | Temporomandibular joint | JAW
TOOTH*           | 38199008   | T-54010 | - | Tooth | MOUTH, JAW
CHEEK            | 60819002   | T-D1206 | P | Cheek | FACE
NOSE             | 45206002   | T-21000 | - | Nose | FACE
ENDONASAL        | 53342003   | T-21300 | - | Endo-nasal | NOSE
PARANASALSINUS*  | 2095001    | T-22000 | P | Paranasal sinus | FACE
FRONTALSINUS     | 55060009   | T-22200 | P | Frontal sinus | PARANASALSINUS
MOUTH            | 123851003  | T-D0662 | - | Mouth | FACE
ORALCAVITY*      | 74262004   | T-51004 | - | Oral cavity | MOUTH
LIP*             | 48477009   | T-52000 | - | Lip | MOUTH
TONGUE           | 21974007   | T-53000 | - | Tongue | MOUTH
SOFTPALATE*      | 49460000   | T-51120 | - | Soft palate | MOUTH
SALIVARYGLAND*   | 385294005  | T-61007 | P | Salivary gland | HEADNECK
PAROTID          | 45289007   | T-61100 | P | Parotid gland | SALIVARYGLAND, FACE
SUBMANDIBULAR    | 54019009   | T-61300 | P | Submandibular gland | SALIVARYGLAND ~ NECK, FACE
EYEREGION*       | 371398005  | T-D0801 | P | Eye region | FACE
ORBIT            | 363654007  | T-D14AE | P | Orbital structure | EYEREGION, FACE
EYE              | 81745001   | T-AA000 | P | Eye | ORBIT, EYEREGION
EYEBALL*         | 79652003   | T-AA770 | P | Eyeball | EYE
CORNEA           | 28726007   | T-AA200 | P | Cornea | EYE
SCLERA           | 18619003   | T-AA110 | P | Sclera | EYE
LENS*            | 78076003   | T-AA700 | P | Lens | EYE
RETINA*          | 5665001    | T-AA610 | P | Retina | EYE
OPTICDISC*       | 81016008   | T-AA630 | P | Optic nerve head | RETINA
EYELID           | 80243003   | T-AA810 | P | Eyelid | EYEREGION
LACRIMALGLAND*   | 13561001   | T-AA910 | P | Lacrimal gland | ORBIT
OPTICNERVE*      | 18234004   | T-A8040 | P | Optic nerve | ORBIT
OPTICCANAL       | 55024004   | T-11102 | P | Optic canal | ORBIT, SKULL
OPTICCHIASM*     | 244453006  | T-A800B | - | Optic chiasm | BRAIN
EAR              | 117590005  | T-AB001 | P | Ear | HEAD
EXTERNALEAR*     | 28347008   | T-AB100 | P | External ear | EAR
EAC              | 84301002   | T-AB200 | P | External auditory canal | EXTERNALEAR
MIDDLEEAR*       | 25342003   | T-AB300 | P | Middle ear | EAR, TEMPORALBONE
INNEREAR*        | 22945000   | T-AB700 | P | Inner ear | EAR, TEMPORALBONE
IAC              | 361078006  | T-AB959 | P | Internal Auditory Canal | INNEREAR

# Brain
BRAIN            | 12738006   | T-A0100 | - | Brain | HEAD, SKULL, INTRACRANIAL
MENINGES*        | 1231004    | T-A1110 | - | Meninges | INTRACRANIAL ~ BRAIN
TELENCEPHALON*   | 11628009   | T-A0103 | - | Telencephalon | BRAIN
CEREBHEMISPHERE  | 372073000  | T-A010F | P | Cerebral hemisphere | TELENCEPHALON, BRAIN
CEREBRALCORTEX*  | 40146001   | T-A2020 | P | Cerebral cortex | CEREBHEMISPHERE, BRAIN
CEREBWHITEMATTER*| 68523003   | T-A2030 | P | Cerebral White Matter | CEREBHEMISPHERE, BRAIN
FRONTALLOBE*     | 83251001   | T-A2200 | P | Frontal lobe | CEREBHEMISPHERE, BRAIN
PARIETALLOBE*    | 16630005   | T-A2300 | P | Parietal lobe | CEREBHEMISPHERE, BRAIN
TEMPORALLOBE*    | 78277001   | T-A2500 | P | Temporal lobe | CEREBHEMISPHERE, BRAIN
OCCIPITALLOBE*   | 31065004   | T-A2400 | P | Occipital lobe | CEREBHEMISPHERE, BRAIN
INSULA*          | 36169008   | T-A2610 | P | Insula | CEREBHEMISPHERE, BRAIN
HIPPOCAMPUS*     | 5366008    | T-A2570 | P | Hippocampus | TEMPORALLOBE, BRAIN
AMYGDALA*        | 4958002    | T-A3230 | P | Amygdala | TEMPORALLOBE, BRAIN
CAUDATE*         | 11000004   | T-A3200 | P | Caudate Nucleus | TELENCEPHALON, BRAIN
PUTAMEN*         | 89278009   | T-A3400 | P | Putamen | TELENCEPHALON, BRAIN
PALLIDUM*        | 14738005   | T-A3500 | P | Globus Pallidus | TELENCEPHALON, BRAIN
ACCUMBENS*       | 427667007  | T-A0149 | P | Nucleus Accumbens | TELENCEPHALON, BRAIN
CORPUSCALLOSUM*  | 88442005   | T-A2700 | - | Corpus callosum | TELENCEPHALON, BRAIN
DIENCEPHALON*    | 87563008   | T-A0102 | - | Diencephalon | BRAIN
THALAMUS         | 42695009   | T-A4000 | P | Thalamus | DIENCEPHALON, BRAIN
PITUITARY*       | 56329008   | T-B1000 | - | Pituitary | SELLA, INTRACRANIAL, BRAIN
PINEALGLAND*     | 45793000   | T-B2000 | - | Pineal Gland | BRAIN
BRAINSTEM*       | 119238007  | T-D0558 | - | Brain Stem | BRAIN
MIDBRAIN*        | 61962009   | T-A5100 | - | Midbrain | BRAINSTEM
CEREBELLUM       | 113305005  | T-A6000 | - | Cerebellum | BRAIN
BRAINVENTRICLE*  | 35764002   | T-A1600 | - | Brain ventricle | BRAIN
LATVENTRICLE     | 66720007   | T-A1650 | P | Lateral Ventricle | BRAINVENTRICLE
3RDVENTRICLE     | 49841001   | T-A1740 | - | Third ventricle | BRAINVENTRICLE
4THVENTRICLE     | 35918002   | T-A1820 | - | Fourth ventricle | BRAINVENTRICLE
CHOROIDPLEXUS    | 80621003   | T-A1900 | - | Choroid plexus | BRAINVENTRICLE

# Neck
NECK             | 45048000   | T-D1600 | - | Neck | HEADNECK, NECKCHEST
SUPRACLAVICULAR  | 77621008   | T-D1620 | P | Supraclavicular region of neck | NECK
PHARYNXLARYNX    | 312535008  | T-20101 | - | Pharynx and larynx | HEADNECK
PHARYNX          | 54066008   | T-55000 | - | Pharynx | PHARYNXLARYNX ~ HEAD, NECK
NASOPHARYNX      | 360955006  | T-2300C | - | Nasopharynx | PHARYNX, HEAD
OROPHARYNX*      | 31389004   | T-55200 | - | Oropharynx | PHARYNX
HYPOPHARYNX      | 81502006   | T-55300 | - | Hypopharynx | PHARYNX, NECK
LARYNX           | 4596009    | T-24100 | - | Larynx | PHARYNXLARYNX, NECK
GLOTTIS*         | 1307006    | T-24440 | - | Glottis | LARYNX
HYOID*           | 21387005   | T-11190 | - | Hyoid bone | NECK
THYROID          | 69748006   | T-B6000 | - | Thyroid | NECK
PARATHYROID      | 111002     | T-B7000 | P | Parathyroid | NECK

# Spine
SPINE            | 421060004  | T-D04FF | - | Spine | SPINECRANIUM, NECKCHESTABDPELV
CSPINE           | 122494005  | T-11501 | - | Cervical spine | NECK, SPINE, CTSPINE
CTSPINE          | 1217257000 | -       | - | Cervico-thoracic spine | SPINE, NECKCHEST
TSPINE           | 122495006  | T-11502 | - | Thoracic spine | CHEST, SPINE, CTSPINE, TLSPINE
TLSPINE          | 1217256009 | -       | - | Thoraco-lumbar spine | SPINE, CHESTABDOMEN
LSPINE           | 122496007  | T-11503 | - | Lumbar spine | ABDOMEN, SPINE, TLSPINE, LSSPINE
LSSPINE          | 1217253001 | -       | - | Lumbo-sacral spine | SPINE, ABDOMENPELVIS
SSPINE           | 54735007   | T-11AD0 | - | Sacrum | PELVIS, SPINE, LSSPINE, SACROCOCCYGEAL
SACROCOCCYGEAL*  | 1217254007 | -       | - | Sacro-coccygeal Spine | PELVIS, SPINE
COCCYX           | 64688005   | T-11BF0 | - | Coccyx | SACROCOCCYGEAL
SIJOINT          | 39723000   | T-15680 | P | Sacroiliac joint | PELVIS
SPINALCORD       | 2748008    | T-A7010 | - | Spinal cord | SPINE ~ CSPINE, TSPINE
VERTEBRA*        | 51282000   | T-11510 | - | Vertebra | SPINE
ATLANTOOCCIPITAL | 20292002   | T-15311 | - | Atlanto-occipital joint | CSPINE
ATLANTOAXIAL     | 62555009   | T-15317 | - | Atlanto-axial joint | CSPINE
VERTEBRAC1*      | 14806007   | T-11610 | - | C1 vertebra | CSPINE
VERTEBRAC2*      | 39976000   | T-11620 | - | C2 vertebra | CSPINE
VERTEBRAC3*      | 113205007  | T-11630 | - | C3 vertebra | CSPINE
VERTEBRAC4*      | 5329002    | T-11640 | - | C4 vertebra | CSPINE
VERTEBRAC5*      | 36978003   | T-11650 | - | C5 vertebra | CSPINE
VERTEBRAC6*      | 36054005   | T-11660 | - | C6 vertebra | CSPINE
VERTEBRAC7*      | 87391001   | T-11670 | - | C7 vertebra | CSPINE
VERTEBRAT1*      | 64864005   | T-11710 | - | T1 vertebra | TSPINE
VERTEBRAT2*      | 53733008   | T-11720 | - | T2 vertebra | TSPINE
VERTEBRAT3*      | 1626008    | T-11730 | - | T3 vertebra | TSPINE
VERTEBRAT4*      | 73071006   | T-11740 | - | T4 vertebra | TSPINE
VERTEBRAT5*      | 56401006   | T-11750 | - | T5 vertebra | TSPINE
VERTEBRAT6*      | 45296009   | T-11760 | - | T6 vertebra | TSPINE
VERTEBRAT7*      | 62487009   | T-11770 | - | T7 vertebra | TSPINE
VERTEBRAT8*      | 11068009   | T-11780 | - | T8 vertebra | TSPINE
VERTEBRAT9*      | 82687006   | T-11790 | - | T9 vertebra | TSPINE
VERTEBRAT10*     | 7610001    | T-117A0 | - | T10 vertebra | TSPINE
VERTEBRAT11*     | 12989004   | T-117B0 | - | T11 vertebra | TSPINE
VERTEBRAT12*     | 23215003   | T-117C0 | - | T12 vertebra | TSPINE
VERTEBRAL1*      | 66794005   | T-11910 | - | L1 vertebra | LSPINE
VERTEBRAL2*      | 14293000   | T-11920 | - | L2 vertebra | LSPINE
VERTEBRAL3*      | 36470004   | T-11930 | - | L3 vertebra | LSPINE
VERTEBRAL4*      | 11994002   | T-11940 | - | L4 vertebra | LSPINE
VERTEBRAL5*      | 49668003   | T-11950 | - | L5 vertebra | LSPINE

# Chest
CHEST            | 816094009  | -       | - | Chest | CHESTABDOMEN, NECKCHEST, UPPERTRUNK
CHESTWALL*       | 78904004   | T-D3050 | - | Chest wall | CHEST
PARASTERNAL      | 91691001   | T-D3136 | P | Parasternal | CHEST
BREAST           | 76752008   | T-04000 | P | Breast | CHEST
AXILLA           | 91470000   | T-D8104 | P | Axilla | UPPERTRUNK ~ CHEST, SHOULDER
RIB              | 113197003  | T-11300 | P | Rib | CHEST
COSTALCARTILAGE* | 50016007   | T-11240 | P | Costal Cartilage | CHEST
STERNUM          | 56873002   | T-11210 | - | Sternum | CHEST
CLAVICLE         | 51299004   | T-12310 | P | Clavicle | UPPERTRUNK ~ CHEST, SHOULDER
SCAPULA          | 79601000   | T-12280 | P | Scapula | UPPERTRUNK ~ CHEST, SHOULDER
SCJOINT          | 7844006    | T-15610 | P | Sternoclavicular joint | CHEST
LUNG             | 39607008   | T-28000 | P | Lung | CHEST
LUNGLOBE*        | 31094006   | T-28770 | P | Lobe of lung | LUNG
LUNGUPPERLOBE*   | 45653009   | T-28820 | P | Upper lobe of lung | LUNG, LUNGLOBE
LUNGMIDDLELOBE*  | 72481006   | T-28300 | - | Middle lobe of right lung | LUNG, LUNGLOBE
LUNGLOWERLOBE*   | 90572001   | T-28830 | P | Lower lobe of lung | LUNG, LUNGLOBE
LUNGAPEX*        | 86598002   | T-280A0 | P | Apex of Lung | LUNGUPPERLOBE, LUNG
LUNGHILUM*       | 46750007   | T-28080 | P | Hilum of lung | LUNG
PLEURA*          | 3120008    | T-29000 | P | Pleura | CHEST
TRACHEABRONCHUS  | 110726009  | T-DD006 | - | Trachea and bronchus | NECKCHEST ~ CHEST
TRACHEA          | 44567001   | T-25000 | - | Trachea | TRACHEABRONCHUS ~ NECK, CHEST, MEDIASTINUM
BRONCHUS         | 955009     | T-26000 | P | Bronchus | TRACHEABRONCHUS, CHEST
MEDIASTINUM      | 72410000   | T-D3300 | - | Mediastinum | CHEST
THYMUS           | 9875009    | T-C8000 | - | Thymus | MEDIASTINUM
ESOPHAGUS        | 32849002   | T-56000 | - | Esophagus | UGITRACT ~ CHEST, MEDIASTINUM
DIAPHRAGM*       | 5798000    | T-D3400 | - | Diaphragm | CHESTABDOMEN ~ CHEST, ABDOMEN

# Heart
HEART            | 80891009   | T-32000 | - | Heart | MEDIASTINUM, CHEST, CARDIOVASCSYS
PERICARDIUM*     | 76848001   | T-39000 | - | Pericardium | MEDIASTINUM
LATRIUM          | 82471001   | T-32300 | - | Left atrium | HEART
LAAPPENDAGE*     | 33626005   | T-32310 | - | Left auricular appendage | LATRIUM
RATRIUM          | 73829009   | T-32200 | - | Right atrium | HEART
LVENTRICLE       | 87878005   | T-32600 | - | Left ventricle | HEART
LVMYOCARDIUM*    | 49848007   | T-32620 | - | Left Ventricle Myocardium | LVENTRICLE
RVENTRICLE       | 53085002   | T-32500 | - | Right ventricle | HEART
VENTRSEPTUM*     | 589001     | T-32410 | - | Interventricular septum | HEART
AORTICVALVE*     | 34202007   | T-35400 | - | Aortic Valve | HEART
MITRALVALVE*     | 91134007   | T-35300 | - | Mitral Valve | HEART
PULMONARYVALVE*  | 39057004   | T-35200 | - | Pulmonary valve | HEART
TRICUSPIDVALVE*  | 46030003   | T-35100 | - | Tricuspid valve | HEART
CORONARYARTERY   | 41801008   | T-43000 | - | Coronary artery | HEART
LEFTMAINCA*      | 3227004    | T-43107 | - | Left Main Coronary Artery | CORONARYARTERY
LAD*             | 59438005   | T-43110 | - | Left Anterior Descending Coronary Artery | CORONARYARTERY
CIRCUMFLEXCA*    | 57396003   | T-43120 | - | Circumflex Coronary Artery | CORONARYARTERY
RIGHTCA*         | 13647002   | T-43200 | - | Right Coronary Artery | CORONARYARTERY
CORONARYSINUS    | 90219004   | T-48410 | - | Coronary sinus | HEART
ANTCARDIACV      | 194996006  | T-48403 | - | Anterior cardiac vein | HEART

# Abdomen
ABDOMEN          | 818981001  | -       | - | Abdomen | ABDOMENPELVIS, CHESTABDOMEN
UPPERABDOMEN*    | 80581009   | T-D4001 | - | Upper abdomen | ABDOMEN
EPIGASTRIC       | 27947004   | T-D4200 | - | Epigastric region | ABDOMEN
UMBILICAL        | 90290004   | T-D4230 | - | Umbilical region | ABDOMEN
HYPOGASTRIC      | 11708003   | T-D4240 | - | Hypogastric region | ABDOMENPELVIS ~ ABDOMEN, PELVIS
SUBCOSTAL        | 19695001   | T-D4210 | P | Subcostal | ABDOMEN
FLANK            | 58602004   | T-D2310 | P | Flank | ABDOMEN
LUQ              | 86367003   | T-D4130 | - | Left upper quadrant of abdomen | ABDOMEN
RUQ              | 50519007   | T-D4110 | - | Right upper quadrant of abdomen | ABDOMEN
LLQ              | 68505006   | T-D4140 | - | Left lower quadrant of abdomen | ABDOMEN
RLQ              | 48544008   | T-D4120 | - | Right lower quadrant of abdomen | ABDOMEN
LHYPOCHONDRIAC   | 133945003  | T-D4211 | - | Left hypochondriac region | ABDOMEN
RHYPOCHONDRIAC   | 133946002  | T-D4212 | - | Right hypochondriac region | ABDOMEN
LUMBAR           | 52612000   | T-D2300 | P | Lumbar region | BACK ~ ABDOMEN
LLUMBAR          | 1017210004 | -       | - | Left lumbar region | LUMBAR
RLUMBAR          | 1017211000 | -       | - | Right lumbar region | LUMBAR
BACK             | 77568009   | T-D2100 | - | Back | TRUNK
PERITONEALCAVITY*| 83670000   | T-D4425 | - | Peritoneal cavity | ABDOMENPELVIS ~ ABDOMEN, PELVIS
PERITONEUM*      | 15425007   | T-D4400 | - | Peritoneum | ABDOMENPELVIS ~ ABDOMEN, PELVIS
RETROPERITONEUM  | 82849001   | T-D4900 | - | Retroperitoneum | ABDOMENPELVIS ~ ABDOMEN
OMENTUM*         | 27398004   | T-D4600 | - | Omentum | ABDOMENPELVIS ~ ABDOMEN
MORISONSPOUCH    | 243977002  | T-D4434 | - | Morisons pouch | ABDOMEN
LIVERBILIARY*    | 303270005  | T-50007 | - | Liver and biliary structure | ABDOMEN
LIVER            | 10200004   | T-62000 | - | Liver | ABDOMEN, UPPERABDOMEN, LIVERBILIARY
LIVERSEGMENT1*   | 71133005   | T-62023 | - | Couinaud hepatic segment I | LIVER
LIVERSEGMENT2*   | 277956007  | T-D054F | - | Couinaud hepatic segment II | LIVER
LIVERSEGMENT3*   | 277957003  | T-D0567 | - | Couinaud hepatic segment III | LIVER
LIVERSEGMENT4*   | 277958008  | T-D056A | - | Couinaud hepatic segment IV | LIVER
LIVERSEGMENT5*   | 277959000  | T-D056B | - | Couinaud hepatic segment V | LIVER
LIVERSEGMENT6*   | 277960005  | T-D056C | - | Couinaud hepatic segment VI | LIVER
LIVERSEGMENT7*   | 277961009  | T-D056D | - | Couinaud hepatic segment VII | LIVER
LIVERSEGMENT8*   | 277962002  | T-D056E | - | Couinaud hepatic segment VIII | LIVER
BILIARYTRACT     | 34707002   | T-60600 | - | Biliary tract | ABDOMEN, LIVERBILIARY
BILEDUCT         | 28273000   | T-60610 | - | Bile duct | BILIARYTRACT
COMMONBILEDUCT   | 79741001   | T-64500 | - | Common bile duct | BILEDUCT
GALLBLADDER      | 28231008   | T-63000 | - | Gallbladder | ABDOMEN, BILIARYTRACT
PANCBILEDUCT     | 110621006  | T-65600 | - | Pancreatic duct and bile duct systems | ABDOMEN
PANCREATICDUCT   | 69930009   | T-65010 | - | Pancreatic duct | PANCREAS, PANCBILEDUCT
PANCREAS         | 15776009   | T-65000 | - | Pancreas | ABDOMEN, UPPERABDOMEN
SPLEEN           | 78961009   | T-C3000 | - | Spleen | ABDOMEN, UPPERABDOMEN
ADRENAL          | 23451007   | T-B3000 | P | Adrenal gland | ABDOMEN, UPPERABDOMEN
UGITRACT         | 62834003   | T-50110 | - | Upper gastro-intestinal tract | NECKCHESTABDOMEN ~ CHEST, ABDOMEN
ESOPHSTOMDUOD*   | 110861005  | T-DD163 | - | Esophagus, stomach and duodenum | UGITRACT ~ CHEST, ABDOMEN
STOMACH          | 69695003   | T-57000 | - | Stomach | ABDOMEN, UPPERABDOMEN, UGITRACT
DUODENUM         | 38848004   | T-58200 | - | Duodenum | ABDOMEN, UPPERABDOMEN, SMALLINTESTINE
SMALLINTESTINE   | 30315005   | T-58000 | - | Small intestine | ABDOMENPELVIS ~ ABDOMEN, PELVIS
JEJUNUM          | 21306003   | T-58400 | - | Jejunum | SMALLINTESTINE, ABDOMEN
ILEUM            | 34516001   | T-58600 | - | Ileum | SMALLINTESTINE ~ ABDOMEN, PELVIS
LARGEINTESTINE   | 14742008   | T-59000 | - | Large intestine | ABDOMENPELVIS ~ ABDOMEN, PELVIS
COLON            | 71854001   | T-59300 | - | Colon | LARGEINTESTINE ~ ABDOMEN, PELVIS
APPENDIX         | 66754008   | T-59200 | - | Appendix | LARGEINTESTINE ~ ABDOMEN, PELVIS
ASCENDINGCOLON   | 9040008    | T-59420 | - | Ascending colon | COLON, ABDOMEN
TRANSVERSECOLON  | 485005     | T-59440 | - | Transverse colon | COLON, ABDOMEN
DESCENDINGCOLON  | 32622004   | T-59460 | - | Descending colon | COLON, ABDOMEN
SIGMOID          | 60184004   | T-59470 | - | Sigmoid colon | COLON, PELVIS
ANUSRECTUMSIGMD  | 110612005  | T-59490 | - | Anus, rectum and sigmoid colon | LARGEINTESTINE, PELVIS
RECTUM           | 34402009   | T-59600 | - | Rectum | LARGEINTESTINE, PELVIS
ANUS*            | 53505006   | T-59900 | - | Anus | LARGEINTESTINE, PELVIS

# Urinary tract
URINARYTRACT     | 431938005  | T-7000C | - | Urinary tract | ABDOMENPELVIS ~ ABDOMEN, PELVIS
UPRURINARYTRACT  | 431491007  | T-7000B | - | Upper urinary tract | URINARYTRACT ~ ABDOMEN
KIDNEY           | 64033007   | T-71000 | P | Kidney | ABDOMEN, UPRURINARYTRACT ~ UPPERABDOMEN
RENALPELVIS*     | 25990002   | T-72000 | P | Renal pelvis | KIDNEY
RENALCALYX*      | 2334006    | T-72100 | P | Calyx of kidney | KIDNEY
URETER           | 87953007   | T-73000 | P | Ureter | UPRURINARYTRACT ~ ABDOMEN, PELVIS
BLADDERURETHRA   | 110837003  | T-DD123 | - | Bladder and urethra | URINARYTRACT, PELVIS
BLADDER          | 89837001   | T-74000 | - | Bladder | PELVIS, BLADDERURETHRA
URETHRA          | 13648007   | T-75000 | - | Urethra | PELVIS, BLADDERURETHRA

# Pelvis
PELVIS           | 816092008  | -       | - | Pelvis | ABDOMENPELVIS, PELVISLOWEXTREMT
INGUINAL         | 26893007   | T-D7000 | P | Inguinal region | PELVIS
LINGUINAL        | 85119005   | T-D7020 | - | Left inguinal region | INGUINAL
RINGUINAL        | 37117007   | T-D7010 | - | Right inguinal region | INGUINAL
PERINEUM         | 38864007   | T-D2700 | - | Perineum | PELVIS
BUTTOCK          | 46862004   | T-D2600 | P | Buttock | PELVIS
ILIUM            | 22356005   | T-12340 | P | Ilium | PELVIS
ISCHIUM*         | 85710004   | T-12350 | P | Ischium | PELVIS
SYMPHYSISPUBIS*  | 82561000   | T-15690 | - | Symphysis pubis | PELVIS
ACETABULUM*      | 37783008   | T-12390 | P | Acetabulum | HIP
CULDESAC         | 53843000   | T-D6407 | - | Rectouterine pouch | PELVIS
PROSTATE         | 41216001   | T-92000 | - | Prostate | PELVIS
SEMVESICLE       | 64739004   | T-93000 | P | Seminal vesicle | PELVIS
VASDEFERENS*     | 57671007   | T-96000 | P | Vas deferens | PELVIS
SCROTUM          | 20233005   | T-98000 | - | Scrotum | PELVIS
TESTIS           | 40689003   | T-94000 | P | Testis | SCROTUM
EPIDIDYMIS       | 87644002   | T-95000 | P | Epididymis | SCROTUM
PENIS            | 18911002   | T-91000 | - | Penis | PELVIS
UTERUSTUBES*     | 110639002  | T-88920 | - | Uterus and fallopian tubes | PELVIS
UTERUS           | 35039007   | T-83000 | - | Uterus | PELVIS, UTERUSTUBES
ENDOMETRIUM      | 2739003    | T-83400 | - | Endometrium | UTERUS
CERVIX           | 71252005   | T-83200 | - | Cervix | UTERUS
FALLOPIANTUBE*   | 31435000   | T-88000 | P | Fallopian tube | PELVIS, UTERUSTUBES
OVARY            | 15497006   | T-87000 | P | Ovary | PELVIS
VAGINA           | 76784001   | T-82000 | - | Vagina | PELVIS
VULVA            | 45292006   | T-81000 | - | Vulva | PELVIS
BROADLIGAMENT*   | 34411009   | T-D6500 | P | Broad ligament | PELVIS
FETUS*           | 55460000   | T-F5201 | - | Fetus | UTERUS
GESTSAC          | 300571009  | F-03FC9 | - | Gestational sac | UTERUS
PLACENTA         | 78067005   | T-F1100 | - | Placenta | UTERUS
AMNIOTICFLUID    | 77012006   | T-F1320 | - | Amniotic fluid | UTERUS

# Upper limb
UPPERLIMB        | 53120007   | T-D8000 | P | Upper limb | EXTREMITY
UPPERLIMBBONE*   | 371195002  | T-D0821 | P | Bone of upper limb | UPPERLIMB
UPPERLIMBMUSCLE* | 30608006   | T-13600 | P | Muscle of upper limb | UPPERLIMB
SHOULDER         | 16982005   | T-D2220 | P | Shoulder | UPPERLIMB
ACJOINT          | 85856004   | T-15420 | P | Acromioclavicular joint | SHOULDER
UPPERARM         | 40983000   | T-D8200 | P | Upper arm | UPPERLIMB
HUMERUS          | 85050009   | T-12410 | P | Humerus | UPPERARM ~ SHOULDER, ELBOW
ELBOW            | 16953009   | T-15430 | P | Elbow joint | UPPERLIMB
FOREARM          | 14975008   | T-D8500 | P | Forearm | UPPERLIMB
RADIUSULNA       | 110535000  | T-12403 | P | Radius and ulna | FOREARM
RADIUS           | 62413002   | T-12420 | P | Radius | RADIUSULNA ~ ELBOW, WRIST
ULNA             | 23416004   | T-12430 | P | Ulna | RADIUSULNA ~ ELBOW, WRIST
WRIST            | 74670003   | T-15460 | P | Wrist joint | UPPERLIMB
CARPUS           | 8205005    | T-D8600 | P | Carpus | WRIST ~ HAND
SCAPHOID*        | 30518006   | T-12450 | P | Scaphoid | CARPUS
HAND             | 85562004   | T-D8700 | P | Hand | UPPERLIMB
METACARPUS       | 36455000   | T-12540 | P | Metacarpus | HAND
FINGER           | 7569003    | T-D8800 | P | Finger | HAND
THUMB            | 76505004   | T-D8810 | P | Thumb | HAND
DIGIT            | 82680008   | T-D0310 | P | Digit | EXTREMITY

# Lower limb
LOWERLIMB        | 61685007   | T-D9000 | P | Lower limb | EXTREMITY, PELVISLOWEXTREMT
LOWERLIMBBONE*   | 72001000   | T-12700 | P | Bone of lower limb | LOWERLIMB
LOWERLIMBMUSCLE* | 102292000  | T-14668 | P | Muscle of lower limb | LOWERLIMB
HIP              | 24136001   | T-15710 | P | Hip joint | PELVIS, LOWERLIMB
THIGH            | 68367000   | T-D9100 | P | Thigh | LOWERLIMB
FEMUR            | 71341001   | T-12710 | P | Femur | LOWERLIMB ~ HIP, THIGH, KNEE
KNEE             | 72696002   | T-D9200 | P | Knee | LOWERLIMB
PATELLA          | 64234005   | T-12730 | P | Patella | KNEE
POPLITEALFOSSA   | 32361000   | T-D9310 | P | Popliteal fossa | KNEE
LOWERLEG         | 30021000   | T-D9400 | P | Lower leg | LOWERLIMB
CALF             | 53840002   | T-D9440 | P | Calf of leg | LOWERLEG
TIBIAFIBULA      | 110536004  | T-12701 | P | Tibia and fibula | LOWERLEG
TIBIA            | 12611008   | T-12740 | P | Tibia | TIBIAFIBULA ~ KNEE, ANKLE
FIBULA           | 87342007   | T-12750 | P | Fibula | TIBIAFIBULA ~ KNEE, ANKLE
ANKLE            | 70258002   | T-15750 | P | Ankle joint | LOWERLIMB
ACHILLESTENDON*  | 61352006   | T-17860 | P | Achilles Tendon | ANKLE, LOWERLEG
FOOT             | 56459004   | T-D9700 | P | Foot | LOWERLIMB
TARSUS           | 108371006  | T-12761 | P | Tarsus | FOOT
TARSALJOINT*     | 27949001   | T-15770 | P | Tarsal joint | FOOT
TALUS*           | 67453005   | T-12780 | P | Talus | TARSUS, ANKLE
CALCANEUS        | 80144004   | T-12770 | P | Calcaneus | TARSUS
NAVICULARFOOT*   | 75772009   | T-12800 | P | Navicular of foot | TARSUS
METATARSUS       | 280711000  | T-12847 | P | Metatarsus | FOOT
SESAMOID         | 58742003   | T-12980 | P | Sesamoid bones of foot | FOOT
TOE              | 29707007   | T-D9800 | P | Toe | FOOT

# Throughout the body
JOINT            | 39352004   | T-15001 | P | Joint | WHOLEBODY
SKIN*            | 39937001   | T-01000 | - | Skin | WHOLEBODY ~ HEAD, NECK, CHEST, ABDOMEN, PELVIS, UPPERLIMB, LOWERLIMB
LYMPHNODE*       | 59441001   | T-C4000 | - | Lymph Node | WHOLEBODY ~ NECK, CHEST, AXILLA, ABDOMEN, PELVIS, INGUINAL
CARDIOVASCSYS    | 113257007  | T-30000 | - | Cardiovascular system | WHOLEBODY
ENDOVASCULAR     | 59820001   | T-40000 | - | Blood vessel | CARDIOVASCSYS
ARTERY           | 51114001   | T-41000 | P | Artery | CARDIOVASCSYS
VEIN             | 29092000   | T-48000 | P | Vein | CARDIOVASCSYS
LUMEN            | 91747007   | T-40230 | P | Lumen of blood vessel | CARDIOVASCSYS

# Arteries and veins of the head and neck
CRANIALVEINS*    | 128320002  | T-A0191 | - | Cranial venous system | INTRACRANIAL, HEAD
CIRCLEOFWILLIS   | 11279006   | T-45520 | - | Circle of Willis | BRAIN
CEREBRALA        | 88556005   | T-45510 | P | Cerebral artery | BRAIN
ACA              | 60176003   | T-45540 | P | Anterior cerebral artery | CEREBRALA, CIRCLEOFWILLIS
MCA              | 17232002   | T-45600 | P | Middle cerebral artery | CEREBRALA
PCA              | 70382005   | T-45900 | P | Posterior cerebral artery | CEREBRALA
ANTCOMMA         | 8012006    | T-45530 | - | Anterior communicating artery | CIRCLEOFWILLIS
POSCOMMA         | 43119007   | T-45320 | P | Posterior communicating artery | CIRCLEOFWILLIS
BASILARA         | 59011009   | T-45800 | - | Basilar artery | BRAIN
OPHTHALMICA      | 53549008   | T-45400 | P | Ophthalmic artery | ORBIT
LACRIMALA        | 59749000   | T-45410 | P | Lacrimal artery | ORBIT
OCCPITALA        | 31145008   | T-45250 | P | Occipital artery | HEAD
OCCIPTALV        | 32114007   | T-48214 | P | Occipital vein | HEAD
FACIALA          | 23074001   | T-45240 | P | Facial artery | FACE
LINGUALA         | 113264009  | T-45230 | P | Lingual artery | HEADNECK
SUPTHYROIDA      | 72021004   | T-45210 | P | Superior thyroid artery | NECK
CAROTID          | 69105007   | T-45010 | P | Carotid Artery | HEADNECK ~ NECK, HEAD
CCA              | 32062004   | T-45100 | P | Common carotid artery | CAROTID, NECK
BULB             | 21479005   | T-45170 | P | Carotid bulb | CAROTID, NECK
ECA              | 22286001   | T-45200 | P | External carotid artery | CAROTID ~ NECK, HEAD
ICA              | 86117002   | T-45300 | P | Internal carotid artery | CAROTID ~ NECK, HEAD, BRAIN
VERTEBRALA       | 85234005   | T-45700 | P | Vertebral artery | HEADNECK ~ NECK, HEAD
INTJUGULARV      | 12123001   | T-48170 | P | Internal jugular vein | NECK
EXTJUGV          | 71585003   | T-48160 | P | External jugular vein | NECK

# Arteries and veins of the trunk
AORTA            | 15825003   | T-42000 | - | Aorta | CHESTABDPELVIS ~ CHEST, ABDOMEN
THORACICAORTA    | 113262008  | T-42070 | - | Thoracic aorta | AORTA, CHEST
ASCAORTA         | 54247002   | T-42100 | - | Ascending aorta | THORACICAORTA
AORTICARCH       | 57034009   | T-42300 | - | Aortic arch | THORACICAORTA
DESCAORTA        | 281130003  | T-D0765 | - | Descending aorta | AORTA, THORACICAORTA
ABDOMINALAORTA   | 7832008    | T-42500 | - | Abdominal aorta | AORTA, ABDOMEN
INNOMINATEA      | 12691009   | T-46010 | - | Innominate artery | CHEST
INNOMINATEV      | 8887007    | T-48620 | P | Innominate vein | CHEST
SUBCLAVIANA      | 36765005   | T-46100 | P | Subclavian artery | NECKCHEST ~ CHEST
SUBCLAVIANV      | 9454009    | T-48330 | P | Subclavian vein | NECKCHEST ~ CHEST
INTMAMMARYA      | 69327007   | T-46200 | P | Internal mammary artery | CHEST
AZYGOSVEIN       | 72107004   | T-48340 | - | Azygos vein | CHEST
SVC              | 48345005   | T-48610 | - | Superior vena cava | CHEST
PULMONARYA       | 81040000   | T-44000 | P | Pulmonary artery | CHEST
RPULMONARYA      | 78480002   | T-44200 | - | Right pulmonary artery | PULMONARYA
LPULMONARYA      | 50408007   | T-44400 | - | Left pulmonary artery | PULMONARYA
PULMONARYV       | 122972007  | T-48581 | P | Pulmonary vein | CHEST
RSUPPULMONARYV   | 8629005    | T-48510 | - | Superior right pulmonary vein | PULMONARYV
LSUPPULMONARYV   | 43863001   | T-48530 | - | Superior left pulmonary vein | PULMONARYV
ANTSPINALA       | 17388009   | T-45730 | - | Anterior spinal artery | SPINE
INFVENACAVA      | 64131007   | T-48710 | - | Inferior vena cava | ABDOMENPELVIS ~ ABDOMEN
CELIACA          | 57850000   | T-46400 | - | Celiac artery | ABDOMEN
HEPATICA         | 76015000   | T-46420 | - | Hepatic artery | ABDOMEN
SPLENICA         | 22083002   | T-46460 | - | Splenic artery | ABDOMEN
SMA              | 42258001   | T-46510 | - | Superior mesenteric artery | MESENTRICA, ABDOMEN
INFMESA          | 33795007   | T-46520 | - | Inferior mesenteric artery | MESENTRICA, ABDOMEN
MESENTRICA       | 86570000   | T-46500 | - | Mesenteric artery | ABDOMEN
MESENTRICV       | 128583004  | T-4884A | - | Mesenteric vein | ABDOMEN
RENALA           | 2841007    | T-46600 | P | Renal artery | ABDOMEN
RENALV           | 56400007   | T-48740 | P | Renal vein | ABDOMEN
LUMBARA          | 34635009   | T-46960 | P | Lumbar artery | ABDOMEN
HEPATICV         | 8993003    | T-48720 | - | Hepatic vein | LIVER
RHEPATICV        | 272998002  | T-48725 | - | Right hepatic vein | HEPATICV
MIDHEPATICV      | 273099000  | T-48726 | - | Middle hepatic vein | HEPATICV
LHEPATICV        | 273202007  | T-48727 | - | Left hepatic vein | HEPATICV
PORTALV          | 32764006   | T-48810 | - | Portal vein | ABDOMEN
RPORTALV         | 73931004   | T-48813 | - | Right portal vein | PORTALV, LIVER
LPORTALV         | 70253006   | T-48814 | - | Left portal vein | PORTALV, LIVER
SPLENICV         | 35819009   | T-48890 | - | Splenic vein | ABDOMEN
GASTRICV         | 110568007  | T-48820 | - | Gastric vein | ABDOMEN
UMBILICALA       | 50536004   | T-F1810 | - | Umbilical artery | ABDOMENPELVIS
UMBILICALV       | 284639000  | T-48832 | - | Umbilical vein | ABDOMEN
ILIACA           | 10293006   | T-46700 | P | Iliac artery | ABDOMENPELVIS ~ PELVIS
COMILIACA        | 73634005   | T-46710 | P | Common iliac artery | ILIACA
EXTILIACA        | 113269004  | T-46910 | P | External iliac artery | ILIACA, PELVIS
INTILIACA        | 90024005   | T-46740 | P | Internal iliac artery | ILIACA, PELVIS
ILIACV           | 244411005  | T-4940E | P | Iliac vein | ABDOMENPELVIS ~ PELVIS
COMILIACV        | 46027005   | T-48920 | P | Common iliac vein | ILIACV
EXTILIACV        | 63507001   | T-48930 | P | External iliac vein | ILIACV, PELVIS
PENILEA          | 282044005  | T-46807 | P | Penile artery | PENIS

# Arteries and veins of the limbs
AXILLARYA        | 67937003   | T-47100 | P | Axillary Artery | AXILLA
AXILLARYV        | 68705008   | T-49110 | P | Axillary vein | AXILLA
BRACHIALA        | 17137000   | T-47160 | P | Brachial artery | UPPERARM
BRACHIALV        | 20115005   | T-49350 | P | Brachial vein | UPPERARM
ANTECUBITALV     | 128553008  | T-49215 | P | Antecubital vein | ELBOW
CEPHALICV        | 20699002   | T-49240 | P | Cephalic vein | UPPERLIMB
RADIALA          | 45631007   | T-47300 | P | Radial artery | FOREARM
ULNARA           | 44984001   | T-47200 | P | Ulnar artery | FOREARM
ILIACFEMORALA*   | 299716001  | T-41068 | P | Iliac and/or femoral artery | PELVISLOWEXTREMT ~ PELVIS, LOWERLIMB
FEMORALA         | 7657000    | T-47400 | P | Femoral artery | LOWERLIMB
LFEMORALA        | 113270003  | T-47420 | - | Left femoral artery | FEMORALA
RFEMORALA        | 69833005   | T-47410 | - | Right femoral artery | FEMORALA
CFA              | 181347005  | T-47402 | P | Common femoral artery | FEMORALA
SFA              | 181349008  | T-47403 | P | Superficial femoral artery | FEMORALA
PROFFEMA         | 31677005   | T-47440 | P | Profunda femoris artery | FEMORALA
FEMORALV         | 83419000   | T-49410 | P | Femoral vein | LOWERLIMB
CFV              | 397363009  | G-035B  | P | Common femoral vein | FEMORALV
SFV              | 397364003  | G-035A  | P | Superficial femoral vein | FEMORALV
PROFFEMV         | 23438002   | T-49660 | P | Profunda femoris vein | FEMORALV
SFJ              | 128587003  | T-D930A | P | Saphenofemoral junction | LOWERLIMB
SAPHENOUSV       | 362072009  | T-4940B | P | Saphenous vein | LOWERLIMB
GSV              | 60734001   | T-49530 | P | Great saphenous vein | SAPHENOUSV
GENICULARA       | 128559007  | T-47490 | P | Genicular artery | KNEE
POPLITEALA       | 43899006   | T-47500 | P | Popliteal artery | KNEE
POPLITEALV       | 56849005   | T-49650 | P | Popliteal vein | KNEE
ANTTIBIALA       | 68053000   | T-47700 | P | Anterior tibial artery | LOWERLEG
POSTIBIALA       | 13363002   | T-47600 | P | Posterior tibial artery | LOWERLEG
PERONEALA        | 8821006    | T-47630 | P | Peroneal artery | LOWERLEG
"""  # noqa: E501 - a line a region

# Other terms that mean one of the regions above: second terms of Annex L for the same code, the
# fetal parts (Annex L gives them no code), and terms of older editions. ARM and LEG were upper arm
# and lower leg there, but scanners use them for any part of the limb: the wider region is safe.
SYNONYMS = """
CHEST = THORAX
BUTTOCK = GLUTEAL
HYPOGASTRIC = SUPRAPUBIC
HEART = ENDOCARDIAC
ESOPHAGUS = ENDOESOPHAGEAL
NASOPHARYNX = ENDONASOPHARYNYX, ENDONASOPHARYNX
RECTUM = ENDORECTAL
KIDNEY = ENDORENAL
URETER = ENDOURETERIC
URETHRA = ENDOURETHRAL
VAGINA = ENDOVAGINAL
BLADDER = ENDOVESICAL
VEIN = ENDOVENOUS
ARTERY = ENDOARTERIAL
FETUS = FETALARM, FETALDIGIT, FETALHEART, FETALLEG, FETALPOLE
UPPERLIMB = ARM
LOWERLIMB = LEG, LEGS
"""

# Codes that older editions of the standard gave to the same term, or that are in use for it:
# the chest wall side (51185008) and the cavity (43799004) of the thorax, the abdomen and pelvis
# before CP-1962 told cross-sectional anatomy apart, the spine junctions before CP-2166, the hip
# region beside the hip joint, the bladder cavity. SNOMED CT, then SNOMED RT.
FORMER_CODES = """
CHEST = 51185008, 43799004, T-D3000, T-D3200
ABDOMEN = 113345001, T-D4000
PELVIS = 12921003, 816989007, T-D6000
ABDOMENPELVIS = 416949008, 818987002, R-FAB57
PELVISLOWEXTREMT = 416631005, R-FAB58
CTSPINE = 297171002, T-D00F7
TLSPINE = 297172009, T-D00F8
LSSPINE = 297173004, T-D00F9
SACROCOCCYGEAL = 297174005, T-D00FA
DESCAORTA = 32672002, T-42400
NASOPHARYNX = 71836000, 18962004, T-23000, T-23050
HIP = 29836001, T-D2500
BLADDER = 48367006, T-74250
"""

# Neighbours in a text that are one region: "Thorax/Abdomen", "columna dorsolumbar".
TOGETHER = """
HEADNECK = HEAD, NECK
NECKCHEST = NECK, CHEST
NECKCHESTABDOMEN = NECK, CHEST, ABDOMEN
NECKCHESTABDPELV = NECK, CHEST, ABDOMEN, PELVIS
CHESTABDOMEN = CHEST, ABDOMEN
CHESTABDPELVIS = CHEST, ABDOMEN, PELVIS
ABDOMENPELVIS = ABDOMEN, PELVIS
PELVISLOWEXTREMT = PELVIS, LOWERLIMB
SPINE = CSPINE, TSPINE, LSPINE
CTSPINE = CSPINE, TSPINE
TLSPINE = TSPINE, LSPINE
LSSPINE = LSPINE, SSPINE
SACROCOCCYGEAL = SSPINE, COCCYX
RADIUSULNA = RADIUS, ULNA
TIBIAFIBULA = TIBIA, FIBULA
BLADDERURETHRA = BLADDER, URETHRA
TRACHEABRONCHUS = TRACHEA, BRONCHUS
PHARYNXLARYNX = PHARYNX, LARYNX
CSPINE = SPINE, CSPINE
CTSPINE = SPINE, CTSPINE
TSPINE = SPINE, TSPINE
TLSPINE = SPINE, TLSPINE
LSPINE = SPINE, LSPINE
LSSPINE = SPINE, LSSPINE
SACROCOCCYGEAL = SPINE, SACROCOCCYGEAL
"""


class Row(NamedTuple):
    """A line of `REGIONS`."""

    term: str
    sct: str
    rt: str | None
    paired: bool
    meaning: str
    parents: tuple[str, ...]
    partly_in: tuple[str, ...]
    in_annex_l: bool


@functools.cache
def rows() -> dict[str, Row]:
    """The lines of `REGIONS` by term, in their order."""
    result = {}
    for line in REGIONS.splitlines():
        if not line or line.startswith("#"):
            continue
        name, sct, rt, side, meaning, places = (part.strip() for part in line.split("|"))
        parents, _, partly_in = places.partition("~")
        term = name.removesuffix("*")
        result[term] = Row(
            term,
            sct,
            None if rt == "-" else rt,
            side == "P",
            meaning,
            names(parents),
            names(partly_in),
            term == name,
        )
    return result


def lists(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Lines of the form `TERM = A, B` as pairs; a line that is indented goes on."""
    joined = text.replace("\n ", " ").splitlines()
    pairs = (line.split("=") for line in joined if line and not line.startswith("#"))
    return [(term.strip(), names(values)) for term, values in pairs]


def names(text: str) -> tuple[str, ...]:
    """What stands between commas or slashes."""
    parts = (" ".join(part.split()) for part in text.replace("/", ",").split(","))
    return tuple(part for part in parts if part)
