using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Redoubt.Lab.Tests")]
