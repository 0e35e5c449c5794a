using System.Diagnostics.CodeAnalysis;
using System.Text;
using Redoubt.Control;

namespace Redoubt.Cli;

/// <summary>A password from the keyboard, unseen and typed twice, or the first line of standard input; never from the command line, where everybody could read it.</summary>
internal static class PasswordInput
{
    public static bool TryRead(TextWriter prompt, [NotNullWhen(true)] out string? password, [NotNullWhen(false)] out string? why)
    {
        (password, why) = (null, null);
        if (Console.IsInputRedirected)
            password = ReadLine(Console.In);
        else
        {
            password = Ask(prompt, "Password: ");
            if (password != Ask(prompt, "Once more: "))
            {
                (password, why) = (null, "the passwords differ");
                return false;
            }
        }
        if (password is { Length: > 0 and <= ControlLimits.Password })
            return true;
        (password, why) = (null, $"a password of 1 to {ControlLimits.Password} characters is expected on standard input");
        return false;
    }

    internal static string? ReadLine(TextReader input)
    {
        var line = new StringBuilder();
        for (int c; (c = input.Read()) >= 0 && c != '\n'; )
        {
            if (line.Length > ControlLimits.Password)
                return null;
            line.Append((char)c);
        }
        return line.ToString().TrimEnd('\r');
    }

    private static string Ask(TextWriter prompt, string question)
    {
        prompt.Write(question);
        prompt.Flush();
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
                typed.Length = Math.Max(0, typed.Length - 1);
            else if (!char.IsControl(key.KeyChar) && typed.Length <= ControlLimits.Password)
                typed.Append(key.KeyChar);
        }
        prompt.WriteLine();
        return typed.ToString();
    }
}
