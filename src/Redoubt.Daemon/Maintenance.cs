namespace Redoubt.Daemon;

/// <summary>Persistent maintenance mode: a file that is there or not. Safe from every thread.</summary>
internal sealed class Maintenance(string stateDirectory)
{
    private readonly string _file = Path.Combine(stateDirectory, "maintenance");
    private readonly Lock _gate = new();
    private bool _on = File.Exists(Path.Combine(stateDirectory, "maintenance"));

    public bool IsOn
    {
        get
        {
            lock (_gate)
                return _on;
        }
    }

    /// <summary>What the configuration says at the start; the file may say more.</summary>
    public void Configure(bool on)
    {
        lock (_gate)
            _on |= on;
    }

    /// <summary>Durable before it takes effect; where the disk refuses, nothing changes.</summary>
    public bool TrySet(bool on, out string error)
    {
        lock (_gate)
        {
            try
            {
                if (on)
                    StateFile.Write(_file, "on\n");
                else
                    StateFile.Delete(_file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                error = $"maintenance mode stays as it is, because it cannot be kept over a restart: {e.Message}";
                return false;
            }
            _on = on;
            error = "";
            return true;
        }
    }
}
