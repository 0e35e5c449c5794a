using Microsoft.Extensions.Logging;
using Redoubt.Control;
using Redoubt.Web.Requests;

namespace Redoubt.Web;

/// <summary>Asks the daemon from time to time which certificate to serve.</summary>
public sealed class CertificateLoop(NodeDaemon daemon, ServedCertificate served, ILogger log)
{
    private string _told = "";

    /// <summary>Between two questions: so long a changed certificate may take.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Runs until told to stop. A daemon that is away changes nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await LookAsync(stop).ConfigureAwait(false);
                await Task.Delay(Period, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // That is how it ends.
        }
    }

    /// <summary>Asks once; true where another certificate is served from now on.</summary>
    public async Task<bool> LookAsync(CancellationToken stop)
    {
        var before = served.Pin;
        try
        {
            var (digest, pem) = await daemon.CertificateAsync(served.Configured, before, stop).ConfigureAwait(false);
            if (digest is null)
                served.UseOwn();
            else if (pem is not null && !served.TryUse(pem))
                log.CertificateUnusable(WebLog.Clean(digest));
        }
        catch (ControlException)
        {
            return false; // the daemon is away: the next question is soon
        }
        catch (DaemonRefusedException e)
        {
            if (e.Message != _told)
                log.DaemonSilent(ControlVerb.WebCertificate, e.Message);
            _told = e.Message; // the next time it is no news
            return false;
        }
        if (served.Pin == before)
            return false;
        log.CertificateChanged(served.Pin);
        return true;
    }
}
