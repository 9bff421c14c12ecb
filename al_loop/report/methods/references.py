"""What a paper cites for what a campaign used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """As it stands in a list of references; ``doi`` without the resolver."""

    text: str
    doi: str


REFERENCES: dict[str, Reference] = {
    "dp-gen": Reference(
        "Y. Zhang, H. Wang, W. Chen, J. Zeng, L. Zhang, H. Wang, W. E, "
        "Comput. Phys. Commun. 253, 107206 (2020)",
        "10.1016/j.cpc.2020.107206",
    ),
    "active-learning": Reference(
        "L. Zhang, D.-Y. Lin, H. Wang, R. Car, W. E, Phys. Rev. Mater. 3, 023804 (2019)",
        "10.1103/PhysRevMaterials.3.023804",
    ),
    "fireworks": Reference(
        "A. Jain et al., Concurrency Comput. Pract. Exp. 27, 5037 (2015)", "10.1002/cpe.3505"
    ),
    "ase": Reference(
        "A. Hjorth Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017)",
        "10.1088/1361-648X/aa680e",
    ),
    "deepmd": Reference(
        "H. Wang, L. Zhang, J. Han, W. E, Comput. Phys. Commun. 228, 178 (2018)",
        "10.1016/j.cpc.2018.03.016",
    ),
    "deepmd-2": Reference("J. Zeng et al., J. Chem. Phys. 159, 054801 (2023)", "10.1063/5.0155600"),
    "deepmd-3": Reference(
        "J. Zeng et al., J. Chem. Theory Comput. 21, 4375 (2025)", "10.1021/acs.jctc.5c00340"
    ),
    "se-e2-a": Reference(
        "L. Zhang, J. Han, H. Wang, W. Saidi, R. Car, W. E, Adv. Neural Inf. Process. Syst. 31 "
        "(2018)",
        "10.48550/arXiv.1805.09003",
    ),
    "compression": Reference(
        "D. Lu et al., J. Chem. Theory Comput. 18, 5559 (2022)", "10.1021/acs.jctc.2c00102"
    ),
    "adam": Reference("D. P. Kingma, J. Ba, ICLR (2015)", "10.48550/arXiv.1412.6980"),
    "lammps": Reference(
        "A. P. Thompson et al., Comput. Phys. Commun. 271, 108171 (2022)",
        "10.1016/j.cpc.2021.108171",
    ),
    "nose": Reference("S. Nosé, J. Chem. Phys. 81, 511 (1984)", "10.1063/1.447334"),
    "hoover": Reference("W. G. Hoover, Phys. Rev. A 31, 1695 (1985)", "10.1103/PhysRevA.31.1695"),
    "mtk": Reference(
        "G. J. Martyna, D. J. Tobias, M. L. Klein, J. Chem. Phys. 101, 4177 (1994)",
        "10.1063/1.467468",
    ),
    "bussi": Reference(
        "G. Bussi, D. Donadio, M. Parrinello, J. Chem. Phys. 126, 014101 (2007)",
        "10.1063/1.2408420",
    ),
    "farthest-point": Reference(
        "T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985)", "10.1016/0304-3975(85)90224-5"
    ),
    "conformal": Reference(
        "J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "
        "J. Am. Stat. Assoc. 113, 1094 (2018)",
        "10.1080/01621459.2017.1307116",
    ),
    "bootstrap": Reference(
        "B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall (1993)",
        "10.1201/9780429246593",
    ),
    "GFN1-xTB": Reference(
        "S. Grimme, C. Bannwarth, P. Shushkov, J. Chem. Theory Comput. 13, 1989 (2017)",
        "10.1021/acs.jctc.7b00118",
    ),
    "GFN2-xTB": Reference(
        "C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019)",
        "10.1021/acs.jctc.8b01176",
    ),
    "vasp": Reference(
        "G. Kresse, J. Furthmüller, Phys. Rev. B 54, 11169 (1996)", "10.1103/PhysRevB.54.11169"
    ),
    "paw": Reference(
        "G. Kresse, D. Joubert, Phys. Rev. B 59, 1758 (1999)", "10.1103/PhysRevB.59.1758"
    ),
    "pymatgen": Reference(
        "S. P. Ong et al., Comput. Mater. Sci. 68, 314 (2013)", "10.1016/j.commatsci.2012.10.028"
    ),
    "cp2k": Reference("T. D. Kühne et al., J. Chem. Phys. 152, 194103 (2020)", "10.1063/5.0007045"),
    "gth": Reference(
        "S. Goedecker, M. Teter, J. Hutter, Phys. Rev. B 54, 1703 (1996)",
        "10.1103/PhysRevB.54.1703",
    ),
    "molopt": Reference(
        "J. VandeVondele, J. Hutter, J. Chem. Phys. 127, 114105 (2007)", "10.1063/1.2770708"
    ),
    "PBE": Reference(
        "J. P. Perdew, K. Burke, M. Ernzerhof, Phys. Rev. Lett. 77, 3865 (1996)",
        "10.1103/PhysRevLett.77.3865",
    ),
    "PBEsol": Reference(
        "J. P. Perdew et al., Phys. Rev. Lett. 100, 136406 (2008)",
        "10.1103/PhysRevLett.100.136406",
    ),
    "AM05": Reference(
        "R. Armiento, A. E. Mattsson, Phys. Rev. B 72, 085108 (2005)",
        "10.1103/PhysRevB.72.085108",
    ),
    "SCAN": Reference(
        "J. Sun, A. Ruzsinszky, J. P. Perdew, Phys. Rev. Lett. 115, 036402 (2015)",
        "10.1103/PhysRevLett.115.036402",
    ),
    "r2SCAN": Reference(
        "J. W. Furness et al., J. Phys. Chem. Lett. 11, 8208 (2020)",
        "10.1021/acs.jpclett.0c02405",
    ),
    "d3": Reference(
        "S. Grimme, J. Antony, S. Ehrlich, H. Krieg, J. Chem. Phys. 132, 154104 (2010)",
        "10.1063/1.3382344",
    ),
    "d3-bj": Reference(
        "S. Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456 (2011)", "10.1002/jcc.21759"
    ),
    "s-dftd3": Reference("S. Ehlert, J. Open Source Softw. 9, 7169 (2024)", "10.21105/joss.07169"),
    "bks": Reference(
        "B. W. H. van Beest, G. J. Kramer, R. A. van Santen, Phys. Rev. Lett. 64, 1955 (1990)",
        "10.1103/PhysRevLett.64.1955",
    ),
    "pmmcs": Reference(
        "A. Pedone, G. Malavasi, M. C. Menziani, A. N. Cormack, U. Segre, "
        "J. Phys. Chem. B 110, 11780 (2006)",
        "10.1021/jp0611018",
    ),
    "du-teter": Reference(
        "L. Deng, J. Du, J. Am. Ceram. Soc. 102, 2482 (2019)", "10.1111/jace.16082"
    ),
    "shik": Reference(
        "S. Sundararaman, L. Huang, S. Ispas, W. Kob, J. Chem. Phys. 148, 194504 (2018); "
        "150, 154505 (2019); 152, 104501 (2020)",
        "10.1063/1.5023707",
    ),
}


class Citations:
    """References in the order in which a text names them."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Their numbers as they stand in the text: `` [1,2]``; nothing for what has none."""
        known = [key for key in keys if key in REFERENCES]
        self.keys += [key for key in known if key not in self.keys]
        numbers = sorted(self.keys.index(key) + 1 for key in known)
        return f" [{','.join(map(str, numbers))}]" if numbers else ""

    @property
    def listed(self) -> list[Reference]:
        """In the order of their numbers."""
        return [REFERENCES[key] for key in self.keys]
