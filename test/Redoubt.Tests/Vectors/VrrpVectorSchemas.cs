using System.Text.Json;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Vectors;

/// <summary>Adverts of keepalived through the classification and the view; nothing sends VRRP yet.</summary>
public sealed class VrrpAdvertSchema : VectorSchema
{
    public override string Name => "vrrp-advert-1";

    public override void Run(JsonElement vector)
    {
        var p = vector.GetProperty("params");
        var ipv6 = Text(vector, "packet_family") == "ipv6";
        var payload = Hex(vector, "vrrp_payload_hex");
        var version = Byte(p, "version");
        Assert.Equal(version == 2 ? Protocol112Kind.Vrrp2 : Protocol112Kind.Vrrp3, Protocol112.Classify(payload, ipv6));
        Assert.True(VrrpAdvertisement.TryView(payload, ipv6, out var view));
        Assert.Equal((version, Byte(p, "vrid"), Byte(p, "priority")), (view.Version, view.Vrid, view.Priority));
        var vips = Addresses(p, "vips");
        Assert.Equal(vips.Count, view.AddressCount);
        for (var i = 0; i < vips.Count; i++)
            Assert.Equal(vips[i], view.Address(i));
        var interval = version == 2 ? Int(p, "advert_int_s", 0) * 1000 : Int(p, "advert_int_cs", 0) * 10;
        Assert.Equal(interval, view.Interval.TotalMilliseconds);
        if (version == 2)
        {
            Assert.Equal(Int(p, "auth_type", 0), view.AuthenticationType);
            Same(Hex(p, "auth_data_hex"), view.AuthenticationData);
        }
        var plain = Text(vector, "checksum_method").Contains("no pseudo header", StringComparison.Ordinal);
        Assert.True(
            plain ? view.ChecksumIsRightWithoutPseudoHeader : view.ChecksumIsRight(Address(Text(p, "src")), Address(Text(p, "dst")))
        );
    }
}
