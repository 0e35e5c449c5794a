using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Redoubt.Tests")]
