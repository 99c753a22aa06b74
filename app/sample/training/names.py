"""Names of the people and animals in the texts."""

_F = """Anna Mia Lily Emma Clara Rosa Nora Ella Ida Maya Zoe Lena Sara Ruby Ivy Hazel Alice Edith Flora Greta Hanna Iris Julia Kira Luna Mara Nina Olga Paula
Rita Sofia Tilda Una Vera Wilma Yara Amira Bella Dora Elsa Fatima Gina Hilda Ines Jana Karin Leila Marta Nadia Petra Salma Tara Ursula Violet Wanda Amina Lotte Pearl Olive Daisy Penny Sunny Willow"""
_M = """Tom Ben Max Leo Finn Otto Hugo Paul Emil Noah Sam Oscar Theo Jack Adam Bruno Carl David Erik Felix Georg Henry Ivan Jonas Karl Lukas Martin Nils Oliver
Peter Robin Simon Tim Victor Walter Yusuf Ali Bernd Colin Dario Elias Fred Gus Hans Igor Jim Kurt Liam Milo Ned Omar Piet Ralf Sven Toby Udo Vito Will Amir Basil Rufus Pip Bobo Barnaby Chester Digby"""
PEOPLE = {**{n: "f" for n in _F.split()}, **{n: "m" for n in _M.split()}}
