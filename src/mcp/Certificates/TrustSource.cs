namespace Mcp.Certificates;

/// <summary>The bundle in force now; replaced while servers and channels run (a heartbeat's answer may carry a new one).</summary>
internal sealed class TrustSource(TrustBundle bundle)
{
    private volatile TrustBundle _current = bundle;

    /// <summary>The bundle that the next handshake and the next call are judged by.</summary>
    public TrustBundle Current => _current;

    /// <summary>Puts another bundle in force; live connections are judged anew at their next call.</summary>
    public void Replace(TrustBundle bundle) => _current = bundle;
}
