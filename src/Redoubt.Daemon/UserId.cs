using System.Globalization;

namespace Redoubt.Daemon;

/// <summary>Users of the operating system, from /etc/passwd: a service's user is local.</summary>
internal static class UserId
{
    /// <summary>The number of a user; null where there is none.</summary>
    public static uint? Find(string name)
    {
        try
        {
            foreach (var line in File.ReadLines("/etc/passwd"))
            {
                var fields = line.Split(':');
                if (
                    fields.Length > 2
                    && fields[0] == name
                    && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var uid)
                )
                    return uid;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        return null;
    }
}
