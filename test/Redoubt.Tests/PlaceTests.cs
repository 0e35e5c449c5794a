namespace Redoubt.Tests;

public class PlaceTests
{
    [Fact]
    public void A() { }
}
