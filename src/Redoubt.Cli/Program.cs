using System.Text;
using Redoubt.Cli;

using var output = new StreamWriter(new StandardOutput(), new UTF8Encoding(false), 1 << 14) { AutoFlush = false };
try
{
    var code = await CommandLine.RunAsync(args, output, Console.Error);
    await output.FlushAsync();
    return code;
}
catch (ClosedPipeException)
{
    return CommandLine.Done; // the reader of our output, `head` for one, has seen enough
}
catch (IOException e)
{
    Console.Error.WriteLine($"redoubt: {e.Message}"); // a full disk behind our output
    return CommandLine.Failed;
}
