"""Common words of languages in Latin letters, as citizens type them; the weak ones are words of English, too."""


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


GRAMMAR = _table(
    """
    a an the is are am was were be been being do does did done have has had can could will would shall should may
    might must i you he she it we they my your his her its our their me him us them to of in on at for from with by
    and or not no nor but if so as than then what where when who whom whose why how which this that these those
    there here please hello hi hey dear thank thanks help need want get got go going went come came know tell ask
    about much many more most very too also only just any some all every each few because after before between into
    out up down over under again still already now today tomorrow yesterday yes don doesn didn isn aren can't won
    couldn wouldn ll re ve
    """
)
ENGLISH = GRAMMAR | _table(
    """
    near next behind front broken fix report trash garbage street light road noise noisy loud parking illegal
    illegally bus subway station passport visa tax taxes fine ticket apply register registration office city hall
    district department pay payment cost price fee open close hours time day week month year people child children
    school hospital water fire emergency danger dangerous car cars truck door house home apartment building neighbor
    neighbour sidewalk pothole construction park dog cat smell dirty clean pick throw away large furniture sofa live
    lives living moved move new old lost found phone number card id address foreigner foreigners english speak
    someone something anyone anything nobody nothing since until while during every without work working worker
    license driving drive driver crosswalk traffic signal good bad better morning afternoon evening night sir madam
    mr mrs ms team regards sincerely best would like let make made take took give set timer minutes minute dollar
    rate best set check show find call play music reserve restaurant mode turn off on refund deposit landlord wallet
    line tow repair repaired closed illegal bike bicycle scooter tree lamp lights walk walking smoking smoke bag
    bags
    """
)
OTHERS = _table(
    """
    ang ng mga sa po ako ko ka kayo tayo kami namin natin ninyo inyo niyo hindi ito iyan dito doon saan paano bakit
    magkano salamat maraming kumusta kamusta gusto kailangan pwede puwede wala meron mayroon naman lang din rin yung
    nasa para kung yang dan di ke dari untuk tidak tak ini itu apa bagaimana saya anda kamu kami kita mereka dimana
    mana berapa terima kasih ada dengan bisa mau ingin sudah belum akan pada juga atau selamat tolong mohon bantu
    rumah jalan sampah halo le la les un une des du de et est sont je tu il elle nous vous ils pas ne que qui ou
    dans sur pour avec mon ma mes votre bonjour merci comment el los las una unos es son soy estoy está y o pero por
    para con sin mi su hola gracias dónde donde cómo como cuándo cuando cuánto qué necesito quiero puedo tengo
    buenos dias señor favor der die das den dem ein eine einen und ist sind ich wir sie nicht mit von zu auf für wo
    wie wann warum hallo danke bitte kann muss os uma não nao obrigado olá onde quando preciso quero posso meu minha
    il lo gli sono che non per dove quando ciao grazie vorrei bir ve bu şu için ile nasıl nerede ne zaman merhaba
    teşekkürler lütfen istiyorum gde kak kogda pochemu skolko mozhno nuzhno mne spasibo pozhaluysta zdravstvuyte
    privet eto chto dlya qayerda qanday rahmat salom assalomu kerak uchun qachon qancha mumkin menga nima wo ni nin
    zai zenme nar nali qing xiexie shenme keyi duoshao zheli watashi wa desu desuka doko desu arigatou kudasai
    onegaishimasu sumimasen konnichiwa
    """
)
# Greetings of theirs that need no second word.
OTHERS_ALONE = _table(
    """
    bonjour merci hola gracias danke hallo ciao grazie obrigado olá salamat spasibo rahmat salom assalomu terima
    selamat merhaba xiexie konnichiwa arigatou privet
    """
)
VIETNAMESE = _table(
    """
    toi khong duoc nguoi nhieu cua nhung trong lam nhu nao muon giup xin chao cam biet hoi roi nay kia dau bao gio
    tai sao vay ngay thang nam tuan phai cung dang ky giay chieu rac thue tien nuoc duong pho xe dien thoai lam on
    vui long can ho tre benh vien truong hoc ngoai kieu tam tru dau gui goi den qua chua mat hong sua tieng viet han
    quoc trung tam phuong quan nha toi den khi voi cho nen vi sao lai muon bi hu dai thung ban lay nop phat tien
    luong lao dong hop dong chung nhan gia dinh con vo chong oi minh em anh chi
    """
)
# English, Korean or anything else may mean these.
VIETNAMESE_WEAK = _table(
    """
    can con me the to an do so no on long hang song thanh dang hay la o va co ra di ve no ma ai gi ta thi mot hai ba
    bon sau bay tam chin muoi nam
    """
)
_AMBIGUOUS_VIETNAMESE = _table(
    """
    con long can on anh em dang nam han trong sao tai lai chi bi qua den thang cam ho tam ban vi vo hong gia khi dai
    """
)
VIETNAMESE = VIETNAMESE - _AMBIGUOUS_VIETNAMESE - {"nay", "tai", "lam"}
VIETNAMESE_WEAK = VIETNAMESE_WEAK | _AMBIGUOUS_VIETNAMESE
KOREAN = _table(
    """
    annyeong annyeonghaseyo annyonghaseyo anyoung anyounghaseyo annyounghaseyo anneyong annyung annyunghaseyo
    anyonghaseyo annyong annyeonghasimnikka annyeonghasibnikka annyenghaseyyo annyeonghaseo annyeonghase
    gamsahamnida kamsahamnida gamsahapnida gamsahabnida kamsahapnida kamsa gamsa gomawo gomawoyo gomapseumnida
    komawoyo gomabseubnida goma mianhamnida mianhaeyo mianhae joesonghamnida joesong joisonghamnida juseyo jusaeyo
    juseyeo chuseyo jushipsio jusipsio haejuseyo hejuseyo haejusaeyo haseyo haeyo hamnida hapnida habnida haejwo
    butakhamnida butakdeurimnida butakdeuryeoyo butak deurimnida deuryeoyo imnida ibnida ipnida isseoyo issoyo
    isseumnida issumnida eopseoyo opsoyo eobseoyo eopsseoyo eodi eodiseo eodie odi odie eodieyo eodiseoyo eonje onje
    eonjekkaji eotteoke eotteohge ottoke otoke eottoke eolma eolmayeyo eolmaeyo olmayeyo mwo mwoyeyo mwoeyo museun
    muosun waeyo wae yeogi yogi yeogiyo jeogi jeogiyo geogi igeo igeot geugeo jeoneun naneun jega naega jeohi jeohui
    uri urijib urijip ssuregi ssulegi sseuregi sseulegi suregi ssuraegi bulbeop bulbup bulbeob bulbopjucha jucha
    juchajang jujeongcha singo sinko shingo singohamnida minwon garodeung garodung gajeongjip boandeung hoengdanbodo
    bodobeulleok soeum sikkeureowoyo sikkeureo sikurowoyo sikkureo sikkeureopseumnida naemsae nemsae gojang
    gojangnasseoyo gojangnassoyo gojangnaseo kojang kkeojyeosseoyo kkeojyeo kkeojeosseoyo busojyeosseoyo
    buseojyeosseoyo gucheong gucheongeseo sicheong dongsamuso jumin jumindeungnok jumindeungrok jeonip jeonipsingo
    yeogwon yogwon yeokwon segeum segum gwataeryo gwatairyo beoseu bosu poseu jihacheol jihachol yogeum yogum taeksi
    jeongnyujang hwajangsil gongsa gongwon hakgyo byeongwon pyeongwon jib jibap jipap golmok ppalli palli bballi jom
    jebal jinjja jincha neomu nomu manhi mani maeil oneul naeil eoje achim jeonyeok bame hanguk hangukmal hangukeo
    hangugeo hangug hangukeoro seoulsi moreugesseoyo moreugessoyo molayo mollayo arayo alayo alryeojuseyo
    allyeojuseyo allyojuseyo allyeo alryeo gaseu dowajuseyo dowajusaeyo towajuseyo dowa salryeojuseyo sallyeojuseyo
    beoryeoyo beoryo beorigo boryeoyo beorineun beorilge beorinayo doenayo dwaeyo dwenayo doeyo andwaeyo andweyo
    anhayo anayo anhaeyo hago sipeoyo sipoyo sipeundeyo shipeoyo gatayo gatseumnida joayo ne aniyo anieyo
    chiwojuseyo chiwo gochyeojuseyo gochyeo gocho dansok dansokhaejuseyo munui munuihamnida sincheong shincheong
    bangbeop hwagin saram ajussi ajumma ahjussi hyeong oppa unni eonni seonsaengnim gwanrija damdangja damdang
    jeonhwa jeonhwabeonho beonho
    """
)
KOREAN_WEAK = _table(
    """
    e ui eun neun i ga eul reul do ro eseo wa gwa hante kkaji buteo man yo ap dwi yeop gil jip gu dong si han geo ge
    su nal dae
    """
)
# Common where words look alike but mean another language.
NOT_KOREAN = _table(
    """
    po ang ng mga ako kayo tayo saan paano salamat hindi dito ito kumusta yang dan di ini itu saya tidak apa untuk
    bisa mau soy estoy ensayo mayo arroyo apoyo que para gusto como donde watashi desu doko arigatou kudasai
    sumimasen konnichiwa the is are and to of in where how please what my was for there this that with have
    """
)
# These make a name of what stands before them.
PLACE_ENDS = _table("gu dong ro gil daero ga myeon eup ri si station yeok exit")
MONGOLIAN = _table(
    """
    sain bainuu bna bnaa bnuu baina bain bga bgaa bgan bdag bdg bsn baisan baihgui bhgui bgu baidag baigaa baidiin
    bainu bolno bolnoo bolnuu bolohuu bolhuu boloh bolox boloxuu bolov boloogui bolku haana haanaas xaana xaanaas
    hezee hzee xezee yaaj yaj yaagaad yagaad yamar ymar heden xeden hediin yum ym yumuu uuchlaarai uuchlarai
    bayarlalaa bayrlalaa bayrllaa bayrlaa bayartai tuslaach tuslaarai tusalna tusalnuu tusalj avah avax awah avch
    awch avii avmaar awmaar avna awna ugnu uguuch ugnuu ogno ogooch ugch uguh hiih xiix hiisen hiij yavah yawah
    yavna irsen irne medeh medex medehgui medne mdeh mdku gej gesen gevel gvl gsn gdg geed hogiin hog xog xogiin
    hogoo utas utasnii dugaar hayag solongos solongost solongosiin seuld soul seulin vizee vizni pasport pasportoo
    gadaad irgen irgenii burtgel burtguuleh burtguulex tulbur tulburuu tulboriin mungu mungo mungunii mongol
    mongoloor mongolchuud emneleg surguuli huuhed huuhdiin huuhded ajil ajillah ajliin ajillahgui asuudal asuuh
    asuumaar sanal gomdol zogsool zogsooliin mashinii gudamj gudamjind gerel unuudur onoodor margaash uchigdur
    odoohon manai minii tanii nadad namaig tand bidnii heregtei xeregtei hereg xereg shaardlagatai zuvshuurul
    zovshoorol zugeer duudah duudaarai evdersen evdersn evderchihsen ajilladaggui chimee shunu oroi orloo hurdan
    yaaralta yaraltai hayah xayah hayalga haydag torguuli torguul tatvar daatgal bichig barimt unemleh unemlex
    sungah sungax
    """
)
MONGOLIAN_WEAK = _table(
    """
    bi ta uu uu ve we be yu ene ter bas end tend odoo ih mash bol ni l shuu da gui bish ba za zaa tiim hed metro
    mashin zam gal us ger hun xun oor nad 2 yag
    """
)
# Within long words as well: what citizens write about.
KOREAN_PIECES = _table(
    """
    minwon singo jihacheol jihachol jihachul ssuregi bulbeop bulbop bulbup jucha jumin jeonip jonip yeogwon yogwon
    gwataeryo gwataryo sangdam sincheong sinchong sinchung bangbeop bangbop bangbup geonmul gonmul jaesan chase
    gigan yogeum yogum beonho bonho gongwon hakgyo gucheong guchong garodeung garodung boandeung bodobeul soeum
    tongyeok tongyok yeongeop yongop deungrok deungnok dungrok jeonhwa jonhwa gyotong cheongso chongso hwajangsil
    byeongwon byongwon
    """
)
