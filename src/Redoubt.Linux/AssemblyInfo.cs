using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("redoubtd")]
[assembly: InternalsVisibleTo("redoubt-lab")]
[assembly: InternalsVisibleTo("Redoubt.Tests")]
[assembly: InternalsVisibleTo("Redoubt.Lab.Tests")]
